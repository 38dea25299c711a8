//! A process that dies between making and storing a state, and a disk that was rolled back.

use std::collections::HashSet;

use briefcase_ratchet::{HandshakeOptions, RatchetError, RatchetSession};

use crate::party::{Seeded, Stuck, pair, read, send};

#[test]
fn an_output_is_not_released_before_its_state_is_stored() {
    let (ours, theirs) = pair(HandshakeOptions::default(), 1);
    let entropy = Seeded::new(2);
    let lost = ours.encrypt(b"never kept", b"", &entropy).unwrap().commit(|_| Err("disk full"));
    assert_eq!(lost.err(), Some("disk full"), "neither state nor message is given out");
    // The old state sends again under the same number, and the peer reads it. Nothing was lost.
    let kept = ours.encrypt(b"kept", b"", &entropy).unwrap().commit(|_| Ok::<_, ()>(())).unwrap();
    assert_eq!(*theirs.decrypt(&kept.1, b"", &entropy).unwrap().into_parts().1, b"kept");
}

#[test]
fn a_rolled_back_state_never_encrypts_two_texts_under_one_key() {
    let (ours, _) = pair(HandshakeOptions::default(), 3);
    let stored = ours.to_bytes();
    let entropy = Seeded::new(4);
    // Each message was released, then the state was rolled back: the same message key a hundred times. If the AEAD key
    // and nonce repeated, equal texts would give equal bodies.
    let bodies: HashSet<Vec<u8>> = (0..100)
        .map(|_| {
            let session = RatchetSession::from_bytes(&stored).unwrap();
            let (_, message) = session.encrypt(b"the same text", b"", &entropy).unwrap().into_parts();
            message[2 + 16 + 40..].to_vec()
        })
        .collect();
    assert_eq!(bodies.len(), 100);
}

#[test]
fn xor_of_two_ciphertexts_of_one_message_key_reveals_nothing() {
    let (ours, _) = pair(HandshakeOptions::default(), 5);
    let body = |text: &[u8], entropy: &dyn briefcase_types::Entropy| {
        ours.encrypt(text, b"", entropy).unwrap().into_parts().1[58..74].to_vec()
    };
    let xor = |one: &[u8], two: &[u8]| one.iter().zip(two).map(|(one, two)| one ^ two).collect::<Vec<u8>>();
    let (texts, entropy) = ([[0x11; 16], [0x33; 16]], Seeded::new(6));
    assert_ne!(xor(&body(&texts[0], &entropy), &body(&texts[1], &entropy)), [0x22; 16]);
    // Control: with repeating randomness, the difference of the texts shows.
    assert_eq!(xor(&body(&texts[0], &Stuck), &body(&texts[1], &Stuck)), [0x22; 16]);
}

#[test]
fn reading_again_after_a_crash_gives_the_same_text() {
    let (mut ours, mut theirs) = pair(HandshakeOptions { hide_headers: true, ..HandshakeOptions::default() }, 7);
    let entropy = Seeded::new(8);
    let message = send(&mut ours, b"text", &entropy);
    drop(theirs.decrypt(&message, b"", &entropy).unwrap());
    assert_eq!(read(&mut theirs, &message, &entropy).unwrap(), b"text");
    assert!(matches!(read(&mut theirs, &message, &entropy), Err(RatchetError::Replayed)));
    // The answer's chain, started again, still fits.
    let answer = send(&mut theirs, b"back", &entropy);
    assert_eq!(read(&mut ours, &answer, &entropy).unwrap(), b"back");
}
