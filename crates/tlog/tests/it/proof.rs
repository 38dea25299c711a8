//! A policy suffices to verify one entry, and no other entry passes.

use briefcase_tlog::{LogPolicy, LogPolicyError, LogProof, LogProofError};
use proptest::prelude::*;

use crate::{cosigned, entries, log, log_key, witness};

fn policy() -> LogPolicy {
    LogPolicy::new(log_key(), vec![witness(2), witness(3)], 1).unwrap()
}

fn proof(index: u64, of: usize) -> LogProof {
    let (stored, head) = log(&entries(of));
    LogProof::prove(index, &cosigned(&head, &[(2, 9)]), &stored[..]).unwrap()
}

#[test]
fn a_proof_with_witnesses_verifies_its_entry_and_no_other() {
    let all = entries(11);
    for (index, entry) in (0..).zip(&all) {
        let text = proof(index, 11).text();
        let read = LogProof::parse(text.as_bytes()).unwrap();
        assert_eq!(read.text(), text);
        assert_eq!(read.verify_by(entry, &policy(), 10).unwrap().cosigned()[0].1, 9);
        assert!(matches!(read.verify_by(b"another entry", &policy(), 10), Err(LogProofError::Log(_))));
        assert!(matches!(
            read.verify_by(entry, &policy(), 8),
            Err(LogProofError::Policy(LogPolicyError::Quorum { .. }))
        ));
    }
}

#[test]
fn extra_data_is_kept_and_not_authenticated() {
    let with = LogProof { extra: Some(b"hello".to_vec()), ..proof(3, 5) };
    assert!(with.text().starts_with("c2sp.org/tlog-proof@v1\nextra aGVsbG8=\nindex 3\n"));
    let read = LogProof::parse(with.text().as_bytes()).unwrap();
    assert_eq!(read, with);
    assert!(read.verify_by(&entries(5)[3], &policy(), 10).is_ok());
}

#[test]
fn malformed_proofs_are_rejected() {
    let good = proof(1, 4).text();
    assert!(LogProof::parse(good.as_bytes()).is_ok());
    for bad in [
        good.replace("@v1", "@v2"),
        good.replace("index 1", "index 01"),
        good.replace("index 1", "index -1"),
        good.replace("\nindex", "\nextra *\nindex"),
        good.replace("\nindex", "\nextra YQ==\nextra YQ==\nindex"),
        good.replace("\n\n", "\nAAAA\n\n"),
        good.replace('\n', "\r\n"),
        good.split_once("\n\n").unwrap().0.to_owned(),
        String::new(),
    ] {
        assert!(matches!(LogProof::parse(bad.as_bytes()), Err(LogProofError::Malformed)), "{bad}");
    }
}

proptest! {
    #[test]
    fn a_changed_proof_fails(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let good = proof(4, 9);
        let mut text = good.text().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(read) = LogProof::parse(&text)
            && let Ok(witnessed) = read.verify_by(&entries(9)[4], &policy(), 10)
        {
            prop_assert_eq!(read.index, 4);
            let head = log(&entries(9)).1;
            prop_assert_eq!(witnessed.head().checkpoint(), head.checkpoint());
        }
    }
}
