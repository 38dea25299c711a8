//! A receipt can be proved to somebody who has only the public key, and no other bytes can.

use briefcase_receipts::{
    merkle::{Frontier, leaf_hash},
    proof::{ProofError, ReceiptProof},
};
use briefcase_types::{Digest, ReceiptIndex};
use proptest::prelude::*;

use crate::sample::{self, head_of, key, signing_key, story};

fn stored(receipts: &[Vec<u8>]) -> Vec<Digest> {
    let mut frontier = Frontier::new();
    receipts.iter().flat_map(|receipt| frontier.append(leaf_hash(receipt))).collect()
}

#[test]
fn each_receipt_has_a_proof_and_only_for_itself() {
    let receipts = story(77);
    let (head, hashes) = (head_of(&receipts, &signing_key()), stored(&receipts));
    for (receipt, index) in receipts.iter().zip(0..) {
        let text = ReceiptProof::prove(ReceiptIndex(index), &head, &hashes[..]).unwrap().text();
        let proof = ReceiptProof::parse(text.as_bytes()).unwrap();
        assert_eq!(proof.text(), text);
        let (read, proved) = proof.verify(receipt, &key()).unwrap();
        assert_eq!((read.encode().unwrap(), &proved), (receipt.clone(), &head));
        let other = &receipts[(index as usize + 1) % receipts.len()];
        assert!(matches!(proof.verify(other, &key()), Err(ProofError::Log(_))));
        let moved = text.replace(&format!("\nindex {index}\n"), &format!("\nindex {}\n", (index + 2) % 77));
        assert!(matches!(
            ReceiptProof::parse(moved.as_bytes()).unwrap().verify(receipt, &key()),
            Err(ProofError::Log(_))
        ));
    }
    assert!(ReceiptProof::prove(ReceiptIndex(77), &head, &hashes[..]).is_err());
}

#[test]
fn the_text_follows_the_standard() {
    let receipts = story(2);
    let head = head_of(&receipts, &signing_key());
    let text = ReceiptProof::prove(ReceiptIndex(1), &head, &stored(&receipts)[..]).unwrap().text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["c2sp.org/tlog-proof@v1", "index 1"]);
    assert_eq!((lines[2].len(), lines[3], lines[4]), (44, "", head.checkpoint().origin.as_str()));
    let with_extra = text.replace("\nindex", "\nextra aGVsbG8=\nindex");
    assert!(ReceiptProof::parse(with_extra.as_bytes()).unwrap().verify(&receipts[1], &key()).is_ok());
    for bad in [
        text.replace("index 1", "index 01"),
        text.replace("index 1", "index +1"),
        text.replace("@v1", "@v2"),
        text.replace("\nindex", "\nextra *\nindex"),
        text.replace("\n\n", "\nAAAA\n\n"),
        text.replace('\n', "\r\n"),
        String::new(),
    ] {
        assert!(matches!(ReceiptProof::parse(bad.as_bytes()), Err(ProofError::Malformed)), "{bad}");
    }
}

proptest! {
    #[test]
    fn a_changed_proof_proves_nothing_else(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let receipts = story(9);
        let head = head_of(&receipts, &signing_key());
        let proof = ReceiptProof::prove(ReceiptIndex(4), &head, &stored(&receipts)[..]).unwrap();
        let mut text = proof.text().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(read) = ReceiptProof::parse(&text)
            && read.verify(&receipts[4], &sample::key()).is_ok()
        {
            prop_assert_eq!(read.index, proof.index);
        }
    }
}
