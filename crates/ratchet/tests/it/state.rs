//! Stored states read back unchanged, or are rejected as a whole.

use briefcase_ratchet::{HandshakeOptions, Prekeys, RatchetError, RatchetSession};
use proptest::prelude::*;

use crate::party::{Seeded, pair, party, read, send};

#[test]
fn a_session_continues_from_its_bytes() {
    let (mut ours, mut theirs) = pair(HandshakeOptions { hide_headers: true, ..HandshakeOptions::default() }, 1);
    let entropy = Seeded::new(2);
    let late = send(&mut ours, b"late", &entropy);
    let message = send(&mut ours, b"text", &entropy);
    read(&mut theirs, &message, &entropy).unwrap();
    let bytes = theirs.to_bytes();
    let mut again = RatchetSession::from_bytes(&bytes).unwrap();
    assert_eq!(*again.to_bytes(), *bytes);
    assert_eq!(read(&mut again, &late, &entropy).unwrap(), b"late");
}

#[test]
fn every_changed_byte_of_a_state_is_rejected() {
    let (mut ours, mut theirs) = pair(HandshakeOptions::default(), 3);
    let entropy = Seeded::new(4);
    send(&mut ours, b"lost", &entropy);
    let message = send(&mut ours, b"text", &entropy);
    read(&mut theirs, &message, &entropy).unwrap();
    let prekeys = party(5, 1).prekeys.to_bytes();
    let session = theirs.to_bytes();
    for at in 0..session.len() {
        let mut bytes = session.to_vec();
        bytes[at] ^= 0x10;
        assert!(matches!(RatchetSession::from_bytes(&bytes), Err(RatchetError::StateCorrupt)), "byte {at}");
        assert!(matches!(RatchetSession::from_bytes(&session[..at]), Err(RatchetError::StateCorrupt)));
    }
    for at in (0..prekeys.len()).step_by(7) {
        let mut bytes = prekeys.to_vec();
        bytes[at] ^= 0x10;
        assert!(matches!(Prekeys::from_bytes(&bytes), Err(RatchetError::StateCorrupt)), "byte {at}");
        assert!(matches!(Prekeys::from_bytes(&prekeys[..at]), Err(RatchetError::StateCorrupt)));
    }
    assert!(
        RatchetSession::from_bytes(&prekeys).is_err() && Prekeys::from_bytes(&session).is_err(),
        "one is not the other"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(RatchetSession::from_bytes(&bytes).is_err());
        prop_assert!(Prekeys::from_bytes(&bytes).is_err());
        prop_assert!(briefcase_ratchet::PrekeyBundle::verify(&bytes).is_err());
        prop_assert!(briefcase_ratchet::IdentityCard::from_bytes(&bytes).is_err());
    }
}
