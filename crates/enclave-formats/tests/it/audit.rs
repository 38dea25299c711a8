//! Valid audit logs, and every kind of tampering.

use briefcase_enclave_formats::audit::{AuditEntry, AuditError, AuditHead, START, link, verify};
use briefcase_types::Digest;
use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;

use crate::sample::{bytes, text, vectors};

/// A log as its owner stores it.
struct Log {
    key: SigningKey,
    entries: Vec<Vec<u8>>,
    head: Vec<u8>,
    signature: [u8; 64],
}

impl Log {
    fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    fn check(&self, previous: Digest, entries: &[Vec<u8>]) -> Result<AuditHead, AuditError> {
        verify(&self.public(), &self.head, &self.signature, previous, entries.iter().map(Vec::as_slice))
    }
}

fn entry(seq: u64, previous: Digest) -> Vec<u8> {
    let json = format!(
        r#"{{"seq":{seq},"time":{},"previous":"{previous}","method":"sign","outcome":"done","detail":{{"n":{seq}}}}}"#,
        1000 + seq / 2
    );
    AuditEntry::draft(json.as_bytes()).unwrap().to_bytes().unwrap()
}

fn log(count: u64) -> Log {
    let key = SigningKey::from_bytes(&[5; 32]);
    let (mut entries, mut last) = (Vec::new(), START);
    for seq in 0..count {
        let bytes = entry(seq, last);
        last = link(&last, &bytes);
        entries.push(bytes);
    }
    let kid = briefcase_enclave_formats::RawPublicKey::Ed25519(key.verifying_key().to_bytes()).thumbprint();
    let head = AuditHead::new(kid, "https://app.example".to_owned(), count, last).unwrap().to_bytes().unwrap();
    let signature = key.sign(&head).to_bytes();
    Log { key, entries, head, signature }
}

#[test]
fn a_log_of_another_implementation_verifies() {
    let vectors = vectors();
    let audit = &vectors["audit"];
    let entries: Vec<Vec<u8>> =
        audit["entries"].as_array().unwrap().iter().map(|entry| text(entry).as_bytes().to_vec()).collect();
    let mut last = START;
    for (entry, expected) in entries.iter().zip(audit["links"].as_array().unwrap()) {
        assert_eq!(AuditEntry::read(entry).unwrap().to_bytes().unwrap(), *entry);
        last = link(&last, entry);
        assert_eq!(last.to_string(), text(expected));
    }
    let (key, signature) =
        (bytes(&audit["publicKey"]).try_into().unwrap(), bytes(&audit["signature"]).try_into().unwrap());
    let head = text(&audit["head"]).as_bytes();
    let verified = verify(&key, head, &signature, START, entries.iter().map(Vec::as_slice)).unwrap();
    assert_eq!((verified.count, verified.link), (4, last));
    assert_eq!(verified.to_bytes().unwrap(), head);
}

#[test]
fn the_whole_log_and_every_tail_verify() {
    let log = log(6);
    let mut previous = START;
    for from in 0..=6 {
        assert_eq!(log.check(previous, &log.entries[from..]).unwrap().count, 6);
        if let Some(entry) = log.entries.get(from) {
            previous = link(&previous, entry);
        }
    }
    assert!(self::log(0).check(START, &[]).is_ok());
}

#[test]
fn dropping_reordering_and_cutting_are_detected() {
    let log = log(6);
    for at in 0..6 {
        let mut fewer = log.entries.clone();
        fewer.remove(at);
        assert!(log.check(START, &fewer).is_err(), "dropped {at}");
    }
    for at in 0..5 {
        let mut swapped = log.entries.clone();
        swapped.swap(at, at + 1);
        assert!(log.check(START, &swapped).is_err(), "swapped {at}");
    }
    let mut twice = log.entries.clone();
    twice.push(log.entries[5].clone());
    assert!(matches!(log.check(START, &twice), Err(AuditError::End)));
    assert!(matches!(log.check(START, &log.entries[..5]), Err(AuditError::Order(_) | AuditError::Link(_))));
    assert!(log.check(Digest::from_bytes([1; 32]), &log.entries).is_err());
}

#[test]
fn rewriting_an_entry_and_all_later_links_fails_at_the_signature() {
    let log = log(4);
    let mut rewritten = vec![entry(0, START)];
    rewritten[0] = String::from_utf8(rewritten[0].clone()).unwrap().replace("done", "failed").into_bytes();
    let mut last = link(&START, &rewritten[0]);
    for seq in 1..4 {
        let bytes = entry(seq, last);
        last = link(&last, &bytes);
        rewritten.push(bytes);
    }
    assert!(matches!(log.check(START, &rewritten), Err(AuditError::End)));
}

#[test]
fn a_head_of_another_key_encoding_or_length_is_rejected() {
    let log = log(3);
    let other = SigningKey::from_bytes(&[6; 32]);
    let entries = || log.entries.iter().map(Vec::as_slice);
    let forged = other.sign(&log.head).to_bytes();
    assert!(matches!(verify(&log.public(), &log.head, &forged, START, entries()), Err(AuditError::Signature)));
    // The other key signs and is given, but the head contains the first key's id.
    let key = other.verifying_key().to_bytes();
    assert!(matches!(verify(&key, &log.head, &forged, START, entries()), Err(AuditError::Signature)));
    let spaced = String::from_utf8(log.head.clone()).unwrap().replace(',', ", ").into_bytes();
    let signature = log.key.sign(&spaced).to_bytes();
    assert!(matches!(verify(&log.public(), &spaced, &signature, START, entries()), Err(AuditError::Head(_))));
}

#[test]
fn time_never_decreases() {
    let log = log(2);
    let late =
        String::from_utf8(entry(1, link(&START, &log.entries[0]))).unwrap().replace(r#""time":1000"#, r#""time":999"#);
    let entries = [log.entries[0].clone(), late.into_bytes()];
    assert!(matches!(log.check(START, &entries), Err(AuditError::Order(1))));
}

#[test]
fn entries_respect_their_limits() {
    let good = String::from_utf8(entry(0, START)).unwrap();
    assert!(AuditEntry::read(good.as_bytes()).is_ok());
    for (from, to) in [
        (r#""n":0"#, r#""n":0.5"#),
        (r#""n":0"#, r#""n":null"#),
        (r#""n":0"#, r#""n":{"deeper":1}"#),
        (r#""method":"sign""#, r#""method":"sign it""#),
        (r#""outcome":"done""#, r#""outcome":"perhaps""#),
        (r#""seq":0"#, r#""seq":-1"#),
        (r#""seq":0"#, r#""extra":1,"seq":0"#),
        (r#""seq":0,"#, ""),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        assert!(AuditEntry::draft(bad.as_bytes()).is_err(), "{bad}");
    }
    let long = good.replace(r#""n":0"#, &format!(r#""n":"{}""#, "x".repeat(1025)));
    assert!(AuditEntry::draft(long.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn any_changed_byte_of_a_log_is_detected(which in 0..4_usize, at in any::<usize>(), bit in 0..8) {
        let mut log = log(4);
        let at = at % log.entries[which].len();
        log.entries[which][at] ^= 1_u8 << bit;
        let entries = log.entries.clone();
        prop_assert!(log.check(START, &entries).is_err());
    }

    #[test]
    fn any_changed_byte_of_a_head_is_detected(at in any::<usize>(), bit in 0..8) {
        let mut log = log(1);
        let at = at % log.head.len();
        log.head[at] ^= 1_u8 << bit;
        let entries = log.entries.clone();
        prop_assert!(matches!(log.check(START, &entries), Err(AuditError::Signature)));
    }
}
