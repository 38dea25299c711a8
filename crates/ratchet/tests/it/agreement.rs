//! Starting a session.

use briefcase_ratchet::{
    AgreementMode, AgreementPublic, AgreementSecret, HandshakeOptions, IdentityCard, LocalIdentity, PrekeyBundle,
    RatchetError, SharedSecret, SigningPublic, initiate, now, safety_number,
};

use crate::party::{ANY, Seeded, begin, identity, pair, party, read, send, take};

fn every_kind() -> [HandshakeOptions; 4] {
    [
        (AgreementMode::Pqxdh, false),
        (AgreementMode::Pqxdh, true),
        (AgreementMode::X3dh, false),
        (AgreementMode::X3dh, true),
    ]
    .map(|(mode, hide_headers)| HandshakeOptions { mode, hide_headers })
}

#[test]
fn both_sides_exchange_messages_in_every_mode() {
    for (at, options) in every_kind().into_iter().enumerate() {
        let seed = 100 * u64::try_from(at).unwrap();
        let (alice, bob) = (identity(seed), party(seed + 1, 1));
        let entropy = Seeded::new(seed + 2);
        for bundle in [&bob.published.bundles[0], &bob.published.last_resort] {
            let bundle = PrekeyBundle::verify(&bundle.to_bytes()).unwrap();
            let mut ours = begin(&alice, &bundle, options, seed + 3);
            let messages: Vec<_> = (0..3).map(|_| send(&mut ours, b"hello", &entropy)).collect();
            let (accepted, text) = take(&bob, &bob.prekeys, &messages[2], ANY).unwrap();
            assert_eq!(text, b"hello");
            let mut theirs = accepted.session;
            assert_eq!((theirs.mode(), theirs.hides_headers()), (options.mode, options.hide_headers));
            assert_eq!(
                read(&mut theirs, &messages[0], &entropy).unwrap(),
                b"hello",
                "repeats the agreement, out of order"
            );
            assert!(!ours.is_answered());
            let answer = send(&mut theirs, b"and you", &entropy);
            assert_eq!(read(&mut ours, &answer, &entropy).unwrap(), b"and you");
            assert!(ours.is_answered());
            assert!(send(&mut ours, b"short now", &entropy).len() < 200, "the agreement is no longer repeated");
            assert_eq!(theirs.peer(), alice.card());
            assert_eq!(ours.peer(), bob.identity.card());
        }
    }
}

#[test]
fn x3dh_is_accepted_only_where_it_is_allowed() {
    let bob = party(1, 1);
    let options = HandshakeOptions { mode: AgreementMode::X3dh, ..HandshakeOptions::default() };
    let mut ours = begin(&identity(2), &bob.published.bundles[0], options, 3);
    let first = send(&mut ours, b"weaker", &Seeded::new(4));
    let refused = take(&bob, &bob.prekeys, &first, Default::default());
    assert!(matches!(refused, Err(RatchetError::ModeRefused)));
}

#[test]
fn the_mode_and_header_encryption_cannot_be_changed_in_transit() {
    let bob = party(1, 1);
    let mut ours = begin(&identity(2), &bob.published.bundles[0], HandshakeOptions::default(), 3);
    let first = send(&mut ours, b"text", &Seeded::new(4));
    // A PQXDH message reduced to X3DH: mode byte changed, ciphertext removed.
    let agreement = 2 + 2 + 128 + 32 + 4 + 1 + 4;
    let mut weaker = [&first[..agreement], &first[agreement + 1568..]].concat();
    weaker[2] = 2;
    assert!(matches!(take(&bob, &bob.prekeys, &weaker, ANY), Err(RatchetError::Forged(_))));
    let mut hidden = first.clone();
    hidden[3] = 1;
    assert!(take(&bob, &bob.prekeys, &hidden, ANY).is_err());
}

#[test]
fn every_byte_of_a_bundle_is_signed() {
    let bob = party(1, 1);
    for bundle in [&bob.published.bundles[0], &bob.published.last_resort] {
        let bytes = bundle.to_bytes();
        let step = if bytes.len() > 1000 { 13 } else { 1 };
        for at in (0..bytes.len()).step_by(step) {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            assert!(PrekeyBundle::verify(&forged).is_err(), "byte {at}");
        }
        for end in [0, 1, 63, 64, 100, bytes.len() - 1] {
            assert!(PrekeyBundle::verify(&bytes[..end]).is_err());
        }
        assert!(PrekeyBundle::verify(&[&bytes[..], &[0]].concat()).is_err());
    }
}

#[test]
fn parts_of_two_bundles_of_one_maker_cannot_be_mixed() {
    let bob = party(1, 2);
    let [one, other] = [0, 1].map(|at| bob.published.bundles[at].to_bytes());
    // The last 64 bytes are the signature, before them the KEM key.
    let kem = one.len() - 64 - 1568;
    let mixed = [&one[..kem], &other[kem..one.len() - 64], &one[one.len() - 64..]].concat();
    assert!(matches!(PrekeyBundle::verify(&mixed), Err(RatchetError::Forged(_))));
}

#[test]
fn a_card_binds_both_keys() {
    let (one, other) = (identity(1), identity(2));
    let (one, other) = (one.card().to_bytes(), other.card().to_bytes());
    assert!(IdentityCard::from_bytes(&one).is_ok());
    let swapped = [&one[..32], &other[32..64], &one[64..]].concat();
    assert!(matches!(IdentityCard::from_bytes(&swapped), Err(RatchetError::Forged(_))));
    assert!(matches!(IdentityCard::from_bytes(&one[..127]), Err(RatchetError::Malformed(_))));
}

#[test]
fn an_all_zero_shared_secret_is_rejected_from_any_source() {
    let secret = AgreementSecret::generate(&Seeded::new(1));
    // The points of small order of the curve of RFC 7748 and of its twist.
    let small = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for point in small {
        let peer = AgreementPublic::from_bytes(crate::primitives::hex(point).try_into().unwrap());
        assert!(matches!(secret.agree(&peer), Err(RatchetError::NoContribution)), "{point}");
    }
    assert!(matches!(SharedSecret::from_bytes([0; 32]), Err(RatchetError::NoContribution)));
}

#[test]
fn a_key_of_small_order_starts_no_session() {
    struct Lying(briefcase_ratchet::SoftKeys);
    impl briefcase_ratchet::Sign for Lying {
        async fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], RatchetError> {
            self.0.sign(bytes).await
        }
    }
    let keys = Lying(briefcase_ratchet::SoftKeys::generate(&Seeded::new(1)));
    let card = now(IdentityCard::make(keys.0.signing(), AgreementPublic::from_bytes([0; 32]), &keys)).unwrap().unwrap();
    let mallory = LocalIdentity::new(card, keys.0);
    let entropy = Seeded::new(2);
    let made = now(briefcase_ratchet::Prekeys::make(&mallory, 0, briefcase_ratchet::LastResort::Made, &entropy));
    let (_, published) = made.unwrap().unwrap().into_parts();
    let refused = now(initiate(&identity(3), &published.last_resort, HandshakeOptions::default(), &entropy)).unwrap();
    assert!(matches!(refused, Err(RatchetError::NoContribution)));
}

#[test]
fn a_wrong_signature_of_a_holder_is_detected() {
    struct Wrong;
    impl briefcase_ratchet::Sign for Wrong {
        async fn sign(&self, _: &[u8]) -> Result<[u8; 64], RatchetError> {
            Ok([1; 64])
        }
    }
    let alice = identity(1);
    let made = now(IdentityCard::make(alice.card().signing(), alice.card().agreement(), &Wrong)).unwrap();
    assert!(matches!(made, Err(RatchetError::Holder(_))));
}

#[test]
fn safety_numbers_match_and_depend_on_every_key() {
    let (one, other, third) = (identity(1), identity(2), identity(3));
    let number = safety_number(one.card(), other.card());
    assert_eq!(number, safety_number(other.card(), one.card()));
    assert_eq!(number.len(), 60);
    assert!(number.bytes().all(|digit| digit.is_ascii_digit()));
    assert_ne!(number, safety_number(one.card(), third.card()));
    let keys = briefcase_ratchet::SoftKeys::generate(&Seeded::new(1));
    let moved = AgreementSecret::generate(&Seeded::new(9)).public();
    let card = now(IdentityCard::make(keys.signing(), moved, &keys)).unwrap().unwrap();
    assert_eq!(card.signing(), one.card().signing(), "the same signing key, another agreement key");
    assert_ne!(number, safety_number(&card, other.card()));
}

#[test]
fn associated_data_must_match_on_both_sides() {
    let (ours, theirs) = pair(HandshakeOptions::default(), 40);
    let entropy = Seeded::new(41);
    let (_, message) = ours.encrypt(b"text", b"room 1", &entropy).unwrap().into_parts();
    assert!(matches!(theirs.decrypt(&message, b"room 2", &entropy), Err(RatchetError::Forged(_))));
    assert!(theirs.decrypt(&message, b"room 1", &entropy).is_ok());
    assert_ne!(SigningPublic::from_bytes([0; 32]), ours.peer().signing());
}
