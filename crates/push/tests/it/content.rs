//! Encrypted messages open for their receiver only.

use std::{collections::VecDeque, sync::Mutex};

use briefcase_push::{ContentError, MAX_CONTENT, Receiver, SubscriptionKeys};
use briefcase_types::Entropy;
use proptest::prelude::*;

use crate::sample::{Seeded, bytes, vectors};

/// Returns these bytes, in this order.
struct Given(Mutex<VecDeque<Vec<u8>>>);

impl Entropy for Given {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0.lock().unwrap().pop_front().unwrap());
    }
}

struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn receiver(seed: u64) -> Receiver {
    Receiver::generate(&Seeded::new(seed)).unwrap()
}

#[test]
fn the_example_of_rfc_8291_byte_by_byte() {
    let example = vectors("rfc8291.json");
    let of = |name: &str| bytes(&example[name]);
    let keys = SubscriptionKeys::from_raw(&of("p256dh"), &of("auth")).unwrap();
    let entropy = Given(Mutex::new([of("sender_secret"), of("salt")].into()));
    assert_eq!(keys.seal(&of("content"), 0, &entropy).unwrap(), of("body"));
    let receiver = Receiver::from_raw(&of("receiver_secret"), &of("auth")).unwrap();
    assert_eq!(receiver.p256dh().to_vec(), of("p256dh"));
    assert_eq!(*receiver.open(&of("body")).unwrap(), of("content"));
}

#[test]
fn a_message_from_another_implementation_decrypts() {
    let vectors = vectors("web-push.json");
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let receiver = Receiver::from_raw(&bytes(&case["receiver_secret"]), &bytes(&case["auth"])).unwrap();
        assert_eq!(*receiver.open(&bytes(&case["body"])).unwrap(), bytes(&case["content"]));
    }
}

#[test]
fn the_longest_content_fits_the_limit_of_push_services() {
    let (receiver, entropy) = (receiver(1), Seeded::new(2));
    let body = receiver.keys().seal(&[7; MAX_CONTENT], 0, &entropy).unwrap();
    assert_eq!(body.len(), 4096);
    assert_eq!(*receiver.open(&body).unwrap(), [7; MAX_CONTENT]);
    for (length, padding) in [(MAX_CONTENT + 1, 0), (MAX_CONTENT, 1), (0, MAX_CONTENT + 1), (1, usize::MAX)] {
        assert_eq!(receiver.keys().seal(&vec![7; length], padding, &entropy), Err(ContentError::TooLong));
    }
}

#[test]
fn padding_hides_the_length_and_ends_where_the_content_does() {
    let (receiver, entropy) = (receiver(1), Seeded::new(2));
    for content in [&b""[..], b"yes", b"ends in zeros\0\0", b"ends in a mark\x02", b"\x02\0"] {
        let body = receiver.keys().seal(content, 256 - content.len(), &entropy).unwrap();
        assert_eq!(body.len(), 86 + 256 + 17);
        assert_eq!(*receiver.open(&body).unwrap(), content);
    }
}

#[test]
fn equal_contents_encrypt_differently() {
    let (receiver, entropy) = (receiver(1), Seeded::new(2));
    let one = receiver.keys().seal(b"ping", 0, &entropy).unwrap();
    let two = receiver.keys().seal(b"ping", 0, &entropy).unwrap();
    assert_ne!(one[..16], two[..16], "salt");
    assert_ne!(one[21..86], two[21..86], "the sender's key");
    assert_ne!(one[86..], two[86..]);
}

#[test]
fn other_keys_do_not_decrypt() {
    let body = receiver(1).keys().seal(b"for one", 0, &Seeded::new(2)).unwrap();
    assert_eq!(receiver(3).open(&body), Err(ContentError::Forged));
    let example = vectors("rfc8291.json");
    let other_auth = Receiver::from_raw(&bytes(&example["receiver_secret"]), &[9; 16]).unwrap();
    assert_eq!(other_auth.open(&bytes(&example["body"])), Err(ContentError::Forged));
}

#[test]
fn invalid_keys_are_rejected() {
    let point = *receiver(1).p256dh();
    let refused = |p256dh: &[u8], auth: &[u8]| SubscriptionKeys::from_raw(p256dh, auth).err();
    let mut elsewhere = point;
    elsewhere[64] ^= 1;
    let compressed = [&[2 | (point[64] & 1)], &point[1..33]].concat();
    let spki = [&[0x30, 0x59][..], &point].concat();
    for p256dh in [&elsewhere[..], &compressed, &spki, &point[1..], &[0; 65], &[4; 65], &[], &[0]] {
        assert_eq!(refused(p256dh, &[0; 16]), Some(ContentError::Point), "{p256dh:?}");
    }
    for length in [0, 15, 17, 32] {
        assert_eq!(refused(&point, &vec![0; length]), Some(ContentError::Auth));
    }
    for secret in [&[0; 32][..], &[255; 32], &[1; 31], &[]] {
        assert!(matches!(Receiver::from_raw(secret, &[0; 16]), Err(ContentError::Scalar)));
    }
}

#[test]
fn a_broken_random_source_is_an_error() {
    assert_eq!(receiver(1).keys().seal(b"x", 0, &Zeros), Err(ContentError::Entropy));
    assert!(matches!(Receiver::generate(&Zeros), Err(ContentError::Entropy)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn encryption_round_trips(content in prop::collection::vec(any::<u8>(), 0..600), padding in 0..600_usize, seed in any::<u64>()) {
        let receiver = receiver(seed);
        let body = receiver.keys().seal(&content, padding, &Seeded::new(!seed)).unwrap();
        prop_assert_eq!(body.len(), 103 + content.len() + padding);
        prop_assert_eq!(&*receiver.open(&body).unwrap(), &content);
    }

    #[test]
    fn changed_truncated_and_extended_bodies_are_rejected(at in 0..150_usize, bit in 0..8_u8, more in any::<u8>()) {
        let receiver = receiver(1);
        let body = receiver.keys().seal(&[0; 40], 10, &Seeded::new(5)).unwrap();
        let at = at % body.len();
        let mut changed = body.clone();
        changed[at] ^= 1 << bit;
        // The record size is only an upper limit, so larger values are valid.
        if !(16..20).contains(&at) {
            prop_assert_eq!(receiver.open(&changed), Err(ContentError::Forged));
        }
        prop_assert_eq!(receiver.open(&body[..at]), Err(ContentError::Forged));
        let mut longer = body;
        longer.push(more);
        prop_assert_eq!(receiver.open(&longer), Err(ContentError::Forged));
    }
}
