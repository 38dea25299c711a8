//! Proofs for every index and pair of sizes of small trees, valid and tampered. `ct-merkle` is the oracle: this crate
//! and the oracle reject the same proofs.

use std::collections::BTreeMap;

use briefcase_tlog::merkle::{ConsistencyProof, InclusionProof, leaf_hash};
use briefcase_types::Digest;
use ct_merkle::{ConsistencyProof as CtConsistencyProof, InclusionProof as CtInclusionProof};

use crate::merkle::{Both, concat, grow, oracle_root};

const SIZE: u64 = 17;

fn leaf(index: u64) -> Vec<u8> {
    format!("leaf {index}").into_bytes()
}

fn tree() -> Both {
    grow(&(0..SIZE).map(leaf).collect::<Vec<_>>())
}

/// One case: the kind of tampering, the result of this crate, and that of the oracle.
struct Verdicts {
    kind: &'static str,
    ours: bool,
    oracle: bool,
}

/// The cases of each kind, and the number of valid ones.
type Count = BTreeMap<&'static str, (usize, usize)>;

fn count(cases: impl IntoIterator<Item = Verdicts>) -> Count {
    let mut count = Count::new();
    for case in cases {
        assert_eq!(case.ours, case.oracle, "{}", case.kind);
        let of_kind = count.entry(case.kind).or_default();
        of_kind.0 += 1;
        of_kind.1 += usize::from(case.ours);
    }
    count
}

/// Wrong paths, by kind.
fn paths(path: &[Digest], roots: &[Digest]) -> Vec<(&'static str, Vec<Digest>)> {
    let garbage = Digest::sha256(b"garbage");
    let with = |at: usize, hash: Digest| [&path[..at], &[hash], &path[at..]].concat();
    let mut made = vec![
        ("trailing garbage", with(path.len(), garbage)),
        ("preceding garbage", with(0, garbage)),
        ("reversed", path.iter().rev().copied().collect()),
    ];
    for root in roots {
        made.push(("trailing root", with(path.len(), *root)));
        made.push(("preceding root", with(0, *root)));
    }
    for at in 0..path.len() {
        let mut bytes = *path[at].as_bytes();
        bytes[at % 32] ^= 1 << (at % 8);
        let flipped = [&path[..at], &[Digest::from_bytes(bytes)], &path[at + 1..]].concat();
        made.push(("bit flip", flipped));
        made.push(("component removed", [&path[..at], &path[at + 1..]].concat()));
        made.push(("component inserted", with(at, garbage)));
        made.push(("component repeated", with(at, path[at])));
        made.push(("truncated", path[..at].to_vec()));
    }
    made
}

fn inclusion_verdicts(
    kind: &'static str,
    index: u64,
    size: u64,
    path: Vec<Digest>,
    leaf: &[u8],
    root: &Digest,
) -> Verdicts {
    let proof = CtInclusionProof::try_from_bytes(concat(&path)).unwrap();
    let oracle = oracle_root(root, size).verify_inclusion(&leaf.to_vec(), index, &proof).is_ok();
    let ours = InclusionProof { index, size, path }.verify(&leaf_hash(leaf), root).is_ok();
    Verdicts { kind, ours, oracle }
}

fn inclusions(both: &Both, index: u64, size: u64) -> Vec<Verdicts> {
    let path = InclusionProof::prove(index, size, &both.stored[..]).unwrap().path;
    let (entry, root) = (leaf(index), &both.roots[size as usize]);
    let verdicts = |kind, index, size, path: &[Digest], leaf: &[u8], root: &Digest| {
        inclusion_verdicts(kind, index, size, path.to_vec(), leaf, root)
    };
    let mut cases = vec![verdicts("untouched", index, size, &path, &entry, root)];
    for other in [index.wrapping_sub(1), index + 1, index ^ 2, size, u64::MAX] {
        cases.push(verdicts("wrong index", other, size, &path, &entry, root));
    }
    for other in [0, index, size / 2, size - 1, size + 1, size * 2] {
        cases.push(verdicts("wrong size", index, other, &path, &entry, root));
    }
    for other in [b"another leaf".to_vec(), Vec::new(), leaf(index + 1)] {
        cases.push(verdicts("wrong leaf", index, size, &path, &other, root));
    }
    for other in [Digest::sha256(b"x"), Digest::sha256(b""), both.roots[size as usize - 1], leaf_hash(b"another leaf")]
    {
        cases.push(verdicts("wrong root", index, size, &path, &entry, &other));
    }
    let tampered = paths(&path, &[*root]).into_iter().filter(|(_, other)| *other != path);
    cases.extend(tampered.map(|(kind, other)| verdicts(kind, index, size, &other, &entry, root)));
    cases
}

fn consistency_verdicts(kind: &'static str, old: u64, new: u64, path: Vec<Digest>, roots: [&Digest; 2]) -> Verdicts {
    let proof = CtConsistencyProof::try_from_bytes(concat(&path)).unwrap();
    let oracle = oracle_root(roots[1], new).verify_consistency(&oracle_root(roots[0], old), &proof).is_ok();
    let ours = ConsistencyProof { old, new, path }.verify(roots[0], roots[1]).is_ok();
    Verdicts { kind, ours, oracle }
}

fn consistencies(both: &Both, old: u64, new: u64) -> Vec<Verdicts> {
    let path = ConsistencyProof::prove(old, new, &both.stored[..]).unwrap().path;
    let roots = [&both.roots[old as usize], &both.roots[new as usize]];
    let verdicts = |kind, old, new, path: &[Digest], roots| consistency_verdicts(kind, old, new, path.to_vec(), roots);
    let mut cases = vec![verdicts("untouched", old, new, &path, roots)];
    for other in [0, old - 1, old + 1, old ^ 2, new + 1] {
        cases.push(verdicts("wrong old size", other, new, &path, roots));
    }
    for other in [0, new / 2, new - 1, new + 1, new * 2] {
        cases.push(verdicts("wrong new size", old, other, &path, roots));
    }
    let wrong = Digest::sha256(b"forged");
    cases.push(verdicts("wrong old root", old, new, &path, [&wrong, roots[1]]));
    cases.push(verdicts("wrong new root", old, new, &path, [roots[0], &wrong]));
    if old < new {
        cases.push(verdicts("swapped roots", old, new, &path, [roots[1], roots[0]]));
        cases.push(verdicts("swapped sizes", new, old, &path, [roots[1], roots[0]]));
        cases.push(verdicts("empty path", old, new, &[], roots));
    }
    let tampered = paths(&path, &[*roots[0], *roots[1]]).into_iter().filter(|(_, other)| *other != path);
    cases.extend(tampered.map(|(kind, other)| verdicts(kind, old, new, &other, roots)));
    cases
}

#[test]
fn inclusion_proofs_agree_with_the_oracle() {
    let both = tree();
    let pairs = (1..=SIZE).flat_map(|size| (0..size).map(move |index| (index, size)));
    let count = count(pairs.flat_map(|(index, size)| inclusions(&both, index, size)));
    let untouched = (SIZE * (SIZE + 1) / 2) as usize;
    assert_eq!(count["untouched"], (untouched, untouched));
    let never = count.iter().filter(|(kind, _)| !matches!(**kind, "untouched" | "wrong size"));
    for (kind, (cases, hold)) in never {
        assert!(*cases >= 100 && *hold == 0, "{kind}: {hold} of {cases} hold");
    }
    assert!(count.len() >= 13 && count.values().map(|(cases, _)| cases).sum::<usize>() > 4_000, "{count:?}");
}

#[test]
fn consistency_proofs_agree_with_the_oracle() {
    let both = tree();
    let pairs = (1..=SIZE).flat_map(|new| (1..=new).map(move |old| (old, new)));
    let count = count(pairs.flat_map(|(old, new)| consistencies(&both, old, new)));
    let untouched = (SIZE * (SIZE + 1) / 2) as usize;
    assert_eq!(count["untouched"], (untouched, untouched));
    let never = count.iter().filter(|(kind, _)| !matches!(**kind, "untouched" | "wrong old size" | "wrong new size"));
    for (kind, (cases, hold)) in never {
        assert!(*cases >= 100 && *hold == 0, "{kind}: {hold} of {cases} hold");
    }
    assert!(count.len() >= 16 && count.values().map(|(cases, _)| cases).sum::<usize>() > 4_000, "{count:?}");
}

/// Equal sizes, and trees without entries: the path is empty, and proves nothing about other roots.
#[test]
fn the_edges_of_consistency_are_refused_or_trivial() {
    let both = tree();
    let (empty, one, two) = (&both.roots[0], &both.roots[1], &both.roots[2]);
    let verify = |old, new, path: &[Digest], roots: [&Digest; 2]| {
        ConsistencyProof { old, new, path: path.to_vec() }.verify(roots[0], roots[1]).is_ok()
    };
    for (size, root) in [(1, one), (2, two)] {
        assert!(verify(size, size, &[], [root, root]));
        assert!(!verify(size, size, &[], [root, empty]) && !verify(size, size, &[*root], [root, root]));
    }
    assert!(!verify(0, 0, &[], [empty, one]) && !verify(0, 0, &[*empty], [empty, empty]));
    assert!(!verify(2, 1, &[], [two, one]) && !verify(2, 1, &[*one], [two, one]));
    assert!(!verify(1, 2, &[], [one, two]) && !verify(0, 1, &[*one], [empty, one]));
}
