//! Attacks on the connection: changed, repeated, reordered, withheld and reflected messages.

use briefcase_ratchet::{AgreementMode, HandshakeOptions, MAX_PLAINTEXT, MAX_SKIP, MAX_STORED, RatchetError};

use crate::party::{ANY, Seeded, begin, identity, pair, party, read, send, take};

const PLAIN: HandshakeOptions = HandshakeOptions { mode: AgreementMode::Pqxdh, hide_headers: false };
const HIDDEN: HandshakeOptions = HandshakeOptions { mode: AgreementMode::Pqxdh, hide_headers: true };

#[test]
fn every_changed_byte_of_a_message_is_detected_and_changes_no_state() {
    for options in [PLAIN, HIDDEN] {
        let (mut ours, mut theirs) = pair(options, 1);
        let entropy = Seeded::new(2);
        let message = send(&mut ours, b"transfer 10", &entropy);
        let before = theirs.to_bytes();
        for at in 0..message.len() {
            let mut forged = message.clone();
            forged[at] ^= 0x40;
            assert!(theirs.decrypt(&forged, b"", &entropy).is_err(), "byte {at}");
        }
        for end in 0..message.len() {
            assert!(theirs.decrypt(&message[..end], b"", &entropy).is_err());
        }
        assert_eq!(*before, *theirs.to_bytes(), "a refused message leaves no trace");
        assert_eq!(read(&mut theirs, &message, &entropy).unwrap(), b"transfer 10");
    }
}

#[test]
fn every_changed_byte_of_a_first_message_is_detected() {
    let bob = party(1, 1);
    let mut ours = begin(&identity(2), &bob.published.bundles[0], PLAIN, 3);
    let first = send(&mut ours, b"text", &Seeded::new(4));
    // Every byte of the agreement's short parts, and a sample of the KEM ciphertext.
    for at in (0..180).chain((180..1740).step_by(97)).chain(1740..first.len()) {
        let mut forged = first.clone();
        forged[at] ^= 1;
        assert!(take(&bob, &bob.prekeys, &forged, ANY).is_err(), "byte {at}");
    }
    assert!(take(&bob, &bob.prekeys, &first, ANY).is_ok());
}

#[test]
fn a_message_is_read_once() {
    for options in [PLAIN, HIDDEN] {
        let (mut ours, mut theirs) = pair(options, 5);
        let entropy = Seeded::new(6);
        let [one, two, three] = [b"one", b"two", b"thr"].map(|text| send(&mut ours, text, &entropy));
        read(&mut theirs, &two, &entropy).unwrap();
        assert!(matches!(read(&mut theirs, &two, &entropy), Err(RatchetError::Replayed)));
        read(&mut theirs, &one, &entropy).unwrap();
        assert!(matches!(read(&mut theirs, &one, &entropy), Err(RatchetError::Replayed)), "was skipped, then read");
        // After the chain has turned.
        let answer = send(&mut theirs, b"back", &entropy);
        read(&mut ours, &answer, &entropy).unwrap();
        let after = send(&mut ours, b"new chain", &entropy);
        read(&mut theirs, &after, &entropy).unwrap();
        read(&mut theirs, &three, &entropy).unwrap();
        for old in [&one, &two, &three, &after] {
            assert!(read(&mut theirs, old, &entropy).is_err());
        }
    }
}

#[test]
fn a_reflected_message_is_rejected() {
    for options in [PLAIN, HIDDEN] {
        let (mut ours, _) = pair(options, 7);
        let entropy = Seeded::new(8);
        let message = send(&mut ours, b"mine", &entropy);
        assert!(read(&mut ours, &message, &entropy).is_err());
    }
}

#[test]
fn a_message_of_another_session_is_rejected() {
    let bob = party(1, 2);
    let entropy = Seeded::new(2);
    let mut sessions = [0, 1].map(|at| begin(&identity(3), &bob.published.bundles[at], PLAIN, 4));
    let firsts = sessions.each_mut().map(|session| send(session, b"hi", &entropy));
    let (mut accepted, _) = take(&bob, &bob.prekeys, &firsts[0], ANY).unwrap();
    assert!(matches!(read(&mut accepted.session, &firsts[1], &entropy), Err(RatchetError::OtherSession)));
}

#[test]
fn the_limit_of_missing_messages_is_exact() {
    for options in [PLAIN, HIDDEN] {
        let (mut ours, mut theirs) = pair(options, 9);
        let entropy = Seeded::new(10);
        for _ in 0..MAX_SKIP {
            send(&mut ours, b"lost", &entropy);
        }
        let reachable = send(&mut ours, b"just in reach", &entropy);
        let beyond = send(&mut ours, b"beyond", &entropy);
        assert!(matches!(read(&mut theirs, &beyond, &entropy), Err(RatchetError::TooFarAhead)));
        assert_eq!(read(&mut theirs, &reachable, &entropy).unwrap(), b"just in reach");
        assert_eq!(read(&mut theirs, &beyond, &entropy).unwrap(), b"beyond");
    }
}

#[test]
fn skipped_keys_are_bounded_in_number_the_oldest_go_first() {
    let (mut ours, mut theirs) = pair(PLAIN, 11);
    let entropy = Seeded::new(12);
    let oldest = send(&mut ours, b"oldest", &entropy);
    let mut newest = Vec::new();
    for _ in 0..=(MAX_STORED / 1000) {
        for _ in 0..MAX_SKIP - 1 {
            newest = send(&mut ours, b"late", &entropy);
        }
        let arrives = send(&mut ours, b"arrives", &entropy);
        read(&mut theirs, &arrives, &entropy).unwrap();
    }
    assert!(theirs.to_bytes().len() < 200_000);
    assert!(matches!(read(&mut theirs, &oldest, &entropy), Err(RatchetError::Replayed)), "its key was forgotten");
    assert_eq!(read(&mut theirs, &newest, &entropy).unwrap(), b"late");
}

#[test]
fn skipped_keys_age_by_the_messages_read_since() {
    let (mut ours, mut theirs) = pair(PLAIN, 13);
    let entropy = Seeded::new(14);
    let late = send(&mut ours, b"late", &entropy);
    for _ in 0..briefcase_ratchet::MAX_AGE {
        let message = send(&mut ours, b"", &entropy);
        read(&mut theirs, &message, &entropy).unwrap();
    }
    assert!(theirs.decrypt(&late, b"", &entropy).is_ok(), "still there after MAX_AGE messages");
    for _ in 0..2 {
        let message = send(&mut ours, b"", &entropy);
        read(&mut theirs, &message, &entropy).unwrap();
    }
    assert!(matches!(theirs.decrypt(&late, b"", &entropy), Err(RatchetError::Replayed)));
}

#[test]
fn encrypted_headers_show_neither_counters_nor_ratchet_keys() {
    let (mut ours, _) = pair(HIDDEN, 15);
    let entropy = Seeded::new(16);
    let [one, two] = [b"same", b"same"].map(|text| send(&mut ours, text, &entropy));
    assert_eq!(one.len(), two.len());
    // Version and kind are equal. The rest of the header differs wherever it can.
    let same = one.iter().zip(&two).skip(2).take(96).filter(|(one, two)| one == two).count();
    assert!(same < 8, "{same} of 96 bytes are the same");
    let (mut plain, _) = pair(PLAIN, 15);
    let [one, two] = [b"same", b"same"].map(|text| send(&mut plain, text, &entropy));
    assert_eq!(one[18..50], two[18..50], "the ratchet key is in the clear without hiding");
}

#[test]
fn an_oversized_text_is_rejected_before_encryption() {
    let (ours, _) = pair(PLAIN, 17);
    let text = vec![0; MAX_PLAINTEXT + 1];
    assert!(matches!(ours.encrypt(&text, b"", &Seeded::new(18)), Err(RatchetError::Exhausted(_))));
    assert!(ours.encrypt(&text[1..], b"", &Seeded::new(18)).is_ok());
}
