//! Untrusted proof files never cause a panic: the text, the numbers and the hashes.
#![no_main]

use briefcase_receipts::{
    merkle::{ConsistencyProof, InclusionProof},
    proof::ReceiptProof,
};
use briefcase_types::Digest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(proof) = ReceiptProof::parse(bytes) {
        let again = ReceiptProof::parse(proof.text().as_bytes()).expect("what was read can be written");
        assert_eq!(again, proof);
    }
    let (numbers, rest) = bytes.as_chunks::<8>();
    let [one, other, hashes @ ..] = numbers else { return };
    let (one, other) = (u64::from_le_bytes(*one), u64::from_le_bytes(*other));
    let path: Vec<Digest> =
        hashes.as_flattened().as_chunks::<32>().0.iter().map(|hash| Digest::from_bytes(*hash)).collect();
    let (leaf, root) = (Digest::sha256(rest), Digest::sha256(b"root"));
    assert!(InclusionProof { index: one, size: other, path: path.clone() }.verify(&leaf, &root).is_err());
    assert!(ConsistencyProof { old: one, new: other, path }.verify(&leaf, &root).is_err());
});
