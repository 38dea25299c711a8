//! Signed proofs of receipts, valid and tampered. `ct-merkle` is the oracle: a proof file is rejected whenever the
//! oracle rejects the proof.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use briefcase_receipts::{
    merkle::{ConsistencyProof, Frontier, InclusionProof, leaf_hash},
    proof::ReceiptProof,
};
use briefcase_types::Digest;
use ct_merkle::{
    ConsistencyProof as CtConsistencyProof, InclusionProof as CtInclusionProof, RootHash,
    mem_backed_tree::MemoryBackedTree,
};
use sha2::Sha256;

use crate::sample::{head_of, key, signing_key, story};

const COUNT: usize = 19;

/// A log: its receipts, the hashes to store, and the root and signed checkpoint of each prefix.
struct Log {
    receipts: Vec<Vec<u8>>,
    stored: Vec<Digest>,
    roots: Vec<Digest>,
    notes: Vec<String>,
}

fn log() -> Log {
    let receipts = story(COUNT as u64);
    let (mut frontier, mut oracle) = (Frontier::new(), MemoryBackedTree::<Sha256, Vec<u8>>::new());
    let (mut stored, mut roots, mut notes) = (Vec::new(), vec![frontier.root()], vec![String::new()]);
    for (place, receipt) in receipts.iter().enumerate() {
        stored.extend(frontier.append(leaf_hash(receipt)));
        oracle.push(receipt.clone());
        assert_eq!(frontier.root().as_bytes()[..], oracle.root().as_bytes()[..]);
        roots.push(frontier.root());
        notes.push(head_of(&receipts[..=place], &signing_key()).note().to_owned());
    }
    Log { receipts, stored, roots, notes }
}

fn concat(path: &[Digest]) -> Vec<u8> {
    path.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn oracle_root(root: &Digest, size: u64) -> RootHash<Sha256> {
    RootHash::new((*root.as_bytes()).into(), size)
}

/// A proof file, with the results of this crate and of the oracle.
fn verdicts(log: &Log, index: u64, path: &[Digest], size: usize, receipt: &Vec<u8>) -> [bool; 2] {
    let lines: String = path.iter().map(|hash| format!("{}\n", STANDARD.encode(hash.as_bytes()))).collect();
    let file = format!("c2sp.org/tlog-proof@v1\nindex {index}\n{lines}\n{}", log.notes[size]);
    let ours = ReceiptProof::parse(file.as_bytes()).is_ok_and(|proof| proof.verify(receipt, &key()).is_ok());
    let proof = CtInclusionProof::try_from_bytes(concat(path)).unwrap();
    let root = oracle_root(&log.roots[size], size as u64);
    [ours, root.verify_inclusion(receipt, index, &proof).is_ok()]
}

/// Wrong paths, by kind.
fn paths(path: &[Digest], root: Digest) -> Vec<(&'static str, Vec<Digest>)> {
    let mut made = vec![("trailing root", [path, &[root]].concat()), ("preceding root", [&[root], path].concat())];
    for at in 0..path.len() {
        let mut bytes = *path[at].as_bytes();
        bytes[at % 32] ^= 1 << (at % 8);
        made.push(("bit flip", [&path[..at], &[Digest::from_bytes(bytes)], &path[at + 1..]].concat()));
        made.push(("component removed", [&path[..at], &path[at + 1..]].concat()));
        made.push(("component inserted", [&path[..at], &[Digest::sha256(b"x")], &path[at..]].concat()));
        made.push(("truncated", path[..at].to_vec()));
    }
    made
}

#[test]
fn proof_files_agree_with_the_oracle() {
    let log = log();
    let mut count: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut take = |kind: &'static str, [ours, oracle]: [bool; 2]| {
        assert_eq!(ours, oracle, "{kind}");
        let of_kind = count.entry(kind).or_default();
        *of_kind = (of_kind.0 + 1, of_kind.1 + usize::from(ours));
    };
    for size in 1..=COUNT {
        for index in 0..size as u64 {
            let path = InclusionProof::prove(index, size as u64, &log.stored[..]).unwrap().path;
            let receipt = &log.receipts[index as usize];
            take("untouched", verdicts(&log, index, &path, size, receipt));
            for other in [index + 1, index ^ 2, size as u64] {
                take("wrong index", verdicts(&log, other, &path, size, receipt));
            }
            take("another receipt", verdicts(&log, index, &path, size, &log.receipts[(index as usize + 1) % COUNT]));
            for other in (1..=COUNT).filter(|other| *other != size) {
                take("another head", verdicts(&log, index, &path, other, receipt));
            }
            for (kind, other) in paths(&path, log.roots[size]) {
                take(kind, verdicts(&log, index, &other, size, receipt));
            }
        }
    }
    let pairs = COUNT * (COUNT + 1) / 2;
    assert_eq!(count["untouched"], (pairs, pairs));
    for (kind, (cases, hold)) in count.iter().filter(|(kind, _)| **kind != "untouched") {
        assert!(*cases >= pairs && *hold == 0, "{kind}: {hold} of {cases} hold");
    }
}

#[test]
fn checkpoints_are_consistent_as_the_oracle_decides() {
    let log = log();
    let verdicts = |old: usize, new: usize, path: &[Digest], roots: [&Digest; 2]| {
        let (old, new) = (old as u64, new as u64);
        let ours = ConsistencyProof { old, new, path: path.to_vec() }.verify(roots[0], roots[1]).is_ok();
        let proof = CtConsistencyProof::try_from_bytes(concat(path)).unwrap();
        let oracle = oracle_root(roots[1], new).verify_consistency(&oracle_root(roots[0], old), &proof).is_ok();
        assert_eq!(ours, oracle, "{old} to {new}");
        ours
    };
    for new in 2..=COUNT {
        for old in 1..new {
            let path = ConsistencyProof::prove(old as u64, new as u64, &log.stored[..]).unwrap().path;
            let [first, second] = [&log.roots[old], &log.roots[new]];
            assert!(verdicts(old, new, &path, [first, second]));
            assert!(!verdicts(old, new, &path, [second, first]) && !verdicts(new, old, &path, [second, first]));
            assert!(!verdicts(old, new, &[], [first, second]));
            for (kind, other) in paths(&path, *first) {
                assert!(!verdicts(old, new, &other, [first, second]), "{kind}: {old} to {new}");
            }
        }
    }
}
