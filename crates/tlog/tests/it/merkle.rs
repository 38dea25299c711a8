//! The tree agrees with another implementation of RFC 6962 for every tested size, index and pair of sizes.

use briefcase_tlog::merkle::{
    ConsistencyProof, Frontier, HashReader, InclusionProof, LogError, leaf_hash, root, stored_count, stored_index,
};
use briefcase_types::Digest;
use ct_merkle::{
    ConsistencyProof as CtConsistencyProof, InclusionProof as CtInclusionProof, RootHash,
    mem_backed_tree::MemoryBackedTree,
};
use proptest::prelude::*;
use sha2::Sha256;

pub(crate) struct Both {
    pub(crate) stored: Vec<Digest>,
    pub(crate) roots: Vec<Digest>,
    oracle: MemoryBackedTree<Sha256, Vec<u8>>,
    frontier: Frontier,
}

pub(crate) fn grow(leaves: &[Vec<u8>]) -> Both {
    let mut both = Both {
        stored: Vec::new(),
        roots: vec![Frontier::new().root()],
        oracle: MemoryBackedTree::new(),
        frontier: Frontier::new(),
    };
    for leaf in leaves {
        assert_eq!(both.stored.len() as u64, stored_count(both.frontier.size()));
        both.stored.extend(both.frontier.append(leaf_hash(leaf)));
        both.oracle.push(leaf.clone());
        both.roots.push(both.frontier.root());
        assert_eq!(both.frontier.root().as_bytes()[..], both.oracle.root().as_bytes()[..]);
    }
    both
}

pub(crate) fn concat(path: &[Digest]) -> Vec<u8> {
    path.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

pub(crate) fn oracle_root(root: &Digest, size: u64) -> RootHash<Sha256> {
    RootHash::new((*root.as_bytes()).into(), size)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn roots_and_proofs_are_those_of_another_implementation(
        leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..200),
        pick in any::<prop::sample::Index>(),
        upto in any::<prop::sample::Index>(),
    ) {
        let both = grow(&leaves);
        let size = upto.index(leaves.len()) as u64 + 1;
        let index = pick.index(size as usize) as u64;
        let (old, new) = (&both.roots[index as usize + 1], &both.roots[size as usize]);
        prop_assert_eq!(root(size, &both.stored[..]).unwrap(), *new);
        prop_assert_eq!(Frontier::load(leaves.len() as u64, &both.stored[..]).unwrap(), both.frontier);

        let inclusion = InclusionProof::prove(index, size, &both.stored[..]).unwrap();
        let leaf = &leaves[index as usize];
        prop_assert!(inclusion.verify(&leaf_hash(leaf), new).is_ok());
        let proof = CtInclusionProof::try_from_bytes(concat(&inclusion.path)).unwrap();
        prop_assert!(oracle_root(new, size).verify_inclusion(leaf, index, &proof).is_ok());
        prop_assert!(inclusion.verify(&leaf_hash(b"another"), new).is_err());
        if size > 1 {
            let next = (index + 1) % size;
            let moved = InclusionProof { index: next, ..inclusion.clone() }.verify(&leaf_hash(leaf), new);
            prop_assert!(moved.is_err() || leaves[index as usize] == leaves[next as usize]);
            let mut torn = inclusion;
            torn.path.pop();
            prop_assert!(torn.verify(&leaf_hash(leaf), new).is_err());
        }

        let consistency = ConsistencyProof::prove(index + 1, size, &both.stored[..]).unwrap();
        prop_assert!(consistency.verify(old, new).is_ok());
        if index + 1 < size {
            let proof = CtConsistencyProof::try_from_bytes(concat(&consistency.path)).unwrap();
            prop_assert!(oracle_root(new, size).verify_consistency(&oracle_root(old, index + 1), &proof).is_ok());
        }
        prop_assert!(consistency.verify(&Digest::sha256(b"forged"), new).is_err());
    }

    #[test]
    fn untrusted_proofs_never_panic(
        numbers in (any::<u64>(), any::<u64>()),
        small in (0_u64..40, 0_u64..40),
        path in proptest::collection::vec(any::<[u8; 32]>().prop_map(Digest::from_bytes), 0..70),
    ) {
        let leaf = Digest::sha256(b"");
        for (one, other) in [numbers, small] {
            let included = InclusionProof { index: one, size: other, path: path.clone() }.verify(&leaf, &Digest::sha256(b"x"));
            prop_assert!(included.is_err());
            let consistent = ConsistencyProof { old: one, new: other, path: path.clone() }.verify(&leaf, &Digest::sha256(b"x"));
            prop_assert!(consistent.is_err());
        }
    }
}

#[test]
fn a_wrong_or_failing_store_gives_an_error() {
    struct Short;
    impl HashReader for Short {
        fn read(&self, _: &[u64]) -> Result<Vec<Digest>, LogError> {
            Ok(Vec::new())
        }
    }
    assert!(matches!(root(5, &Short), Err(LogError::Storage(_))));
    assert!(matches!(InclusionProof::prove(1, 5, &Short), Err(LogError::Storage(_))));
    assert!(matches!(ConsistencyProof::prove(3, 5, &Short), Err(LogError::Storage(_))));
    let none: &[Digest] = &[];
    assert!(matches!(Frontier::load(3, none), Err(LogError::Storage(_))));
    assert!(matches!(InclusionProof::prove(5, 5, none), Err(LogError::OutOfLog)));
    assert!(matches!(ConsistencyProof::prove(0, 5, none), Err(LogError::OutOfLog)));
    assert!(matches!(root(u64::MAX, none), Err(LogError::OutOfLog)));
}

#[test]
fn hashes_go_to_consecutive_indexes() {
    let both = grow(&[b"a".to_vec(), b"b".to_vec(), b"c".to_vec(), b"d".to_vec()]);
    assert_eq!(both.stored[stored_index(0, 3) as usize], leaf_hash(b"d"));
    assert_eq!(both.stored[stored_index(2, 0) as usize], both.frontier.root());
    assert_eq!(stored_count(4), 7);
}
