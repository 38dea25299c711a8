//! Prekeys are used once, remembered, rotated and erased.

use briefcase_ratchet::{
    Dh, HandshakeOptions, Kem, KemSecret, KemShared, LastResort, MAX_ONE_TIME, Prekeys, RatchetError, ResponderPolicy,
    SharedSecret, accept, now,
};

use crate::party::{ANY, Seeded, begin, identity, party, send, take};

#[test]
fn a_one_time_prekey_is_gone_after_its_message() {
    let bob = party(1, 2);
    let mut ours = begin(&identity(2), &bob.published.bundles[0], HandshakeOptions::default(), 3);
    let first = send(&mut ours, b"hi", &Seeded::new(4));
    let (accepted, _) = take(&bob, &bob.prekeys, &first, ANY).unwrap();
    assert_eq!((bob.prekeys.left(), accepted.prekeys.left()), (2, 1));
    assert!(matches!(take(&bob, &accepted.prekeys, &first, ANY), Err(RatchetError::UnknownPrekey)), "replayed");
    let mut again = begin(&identity(5), &bob.published.bundles[0], HandshakeOptions::default(), 6);
    let second = send(&mut again, b"hi", &Seeded::new(7));
    assert!(matches!(take(&bob, &accepted.prekeys, &second, ANY), Err(RatchetError::UnknownPrekey)), "given out twice");
    let kept = accepted.prekeys.to_bytes();
    let whole = bob.prekeys.to_bytes();
    assert_eq!(whole.len() - kept.len(), 104, "its secrets are not in the kept bytes");
}

#[test]
fn a_first_message_to_the_last_resort_is_accepted_once() {
    let bob = party(1, 0);
    let entropy = Seeded::new(4);
    let mut ours = begin(&identity(2), &bob.published.last_resort, HandshakeOptions::default(), 3);
    let first = send(&mut ours, b"hi", &entropy);
    let second = send(&mut ours, b"again", &entropy);
    let (accepted, _) = take(&bob, &bob.prekeys, &first, ANY).unwrap();
    for message in [&first, &second] {
        assert!(matches!(take(&bob, &accepted.prekeys, message, ANY), Err(RatchetError::Replayed)));
    }
    let kept = Prekeys::from_bytes(&accepted.prekeys.to_bytes()).unwrap();
    assert!(matches!(take(&bob, &kept, &first, ANY), Err(RatchetError::Replayed)), "also after a restart");
    let mut other = begin(&identity(5), &bob.published.last_resort, HandshakeOptions::default(), 6);
    assert!(take(&bob, &kept, &send(&mut other, b"hi", &entropy), ANY).is_ok(), "others still get in");
}

#[test]
fn a_failed_first_message_uses_up_no_prekey() {
    let bob = party(1, 1);
    let mut ours = begin(&identity(2), &bob.published.bundles[0], HandshakeOptions::default(), 3);
    let first = send(&mut ours, b"hi", &Seeded::new(4));
    let mut forged = first.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert!(matches!(take(&bob, &bob.prekeys, &forged, ANY), Err(RatchetError::Forged(_))));
    assert!(take(&bob, &bob.prekeys, &first, ANY).is_ok());
}

#[test]
fn rotation_keeps_one_generation_for_messages_in_transit() {
    let bob = party(1, 1);
    let entropy = Seeded::new(2);
    let on_its_way =
        send(&mut begin(&identity(3), &bob.published.bundles[0], HandshakeOptions::default(), 4), b"hi", &entropy);
    let rotate = |prekeys: &Prekeys| {
        now(prekeys.rotate(&bob.identity, 1, LastResort::Made, &entropy)).unwrap().unwrap().into_parts()
    };
    let (once, published) = rotate(&bob.prekeys);
    assert_ne!(published.last_resort.to_bytes(), bob.published.last_resort.to_bytes());
    assert_eq!(once.left(), 2);
    assert!(take(&bob, &once, &on_its_way, ANY).is_ok());
    let (twice, _) = rotate(&once);
    assert_eq!(twice.left(), 2, "one-time prekeys go with their generation");
    assert!(matches!(take(&bob, &twice, &on_its_way, ANY), Err(RatchetError::UnknownPrekey)));
}

#[test]
fn refilling_is_bounded_and_never_repeats_an_id() {
    let bob = party(1, 3);
    let entropy = Seeded::new(2);
    let (refilled, published) = now(bob.prekeys.refill(&bob.identity, 2, &entropy)).unwrap().unwrap().into_parts();
    assert_eq!((refilled.left(), published.bundles.len()), (5, 2));
    assert_eq!(published.last_resort.to_bytes(), bob.published.last_resort.to_bytes());
    let too_many = now(refilled.refill(&bob.identity, MAX_ONE_TIME - 4, &entropy)).unwrap();
    assert!(matches!(too_many, Err(RatchetError::Exhausted(_))));
    assert!(now(refilled.refill(&identity(9), 1, &entropy)).unwrap().is_err(), "another identity's prekeys");
}

#[test]
fn a_last_resort_key_can_be_stored_elsewhere() {
    struct Elsewhere<'a>(&'a briefcase_ratchet::SoftKeys, KemSecret);
    impl Dh for Elsewhere<'_> {
        async fn agree(&self, peer: &briefcase_ratchet::AgreementPublic) -> Result<SharedSecret, RatchetError> {
            self.0.agree(peer).await
        }
    }
    impl Kem for Elsewhere<'_> {
        async fn decapsulate(&self, key: &str, ciphertext: &[u8]) -> Result<KemShared, RatchetError> {
            assert_eq!(key, "kem-1");
            self.1.decapsulate(ciphertext)
        }
    }
    let entropy = Seeded::new(1);
    let keys = briefcase_ratchet::SoftKeys::generate(&entropy);
    let secret = KemSecret::generate(&entropy);
    let wish = LastResort::Held { key: "kem-1".to_owned(), public: secret.public() };
    let bob = briefcase_ratchet::LocalIdentity::from_keys(keys).unwrap();
    let (prekeys, published) = now(Prekeys::make(&bob, 0, wish, &entropy)).unwrap().unwrap().into_parts();
    let prekeys = Prekeys::from_bytes(&prekeys.to_bytes()).unwrap();
    let first = send(&mut begin(&identity(2), &published.last_resort, HandshakeOptions::default(), 3), b"hi", &entropy);
    let card = bob.card().clone();
    let keys = briefcase_ratchet::SoftKeys::generate(&Seeded::new(1));
    let holder = briefcase_ratchet::LocalIdentity::new(card, Elsewhere(&keys, secret));
    let step = now(accept(&holder, &prekeys, &first, b"", ResponderPolicy::default(), &entropy)).unwrap().unwrap();
    assert_eq!(*step.into_parts().1, b"hi");
    let refused = now(accept(&bob, &prekeys, &first, b"", ResponderPolicy::default(), &entropy)).unwrap();
    assert!(matches!(refused, Err(RatchetError::Holder(_))), "without the key decapsulation fails");
}
