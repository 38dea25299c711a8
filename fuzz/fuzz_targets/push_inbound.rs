//! Untrusted subscriptions, keys, leases and messages: an accepted one is usable, and a decrypted message was encrypted
//! for these keys.
#![no_main]

use std::cell::Cell;

use briefcase_egress::AddressPolicy;
use briefcase_push::{Lease, Receiver, Subscription, SubscriptionKeys};
use briefcase_types::{Entropy, UnixMillis};
use libfuzzer_sys::fuzz_target;

struct Counting(std::sync::Mutex<Cell<u8>>);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.lock().expect("one thread");
        bytes.iter_mut().for_each(|byte| *byte = count.replace(count.get().wrapping_add(41)));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let entropy = Counting(std::sync::Mutex::new(Cell::new(7)));
    if let Ok(subscription) = Subscription::read(bytes, AddressPolicy::Public) {
        let audience = subscription.audience();
        assert!(audience.starts_with("https://") && subscription.endpoint().as_str().starts_with(&audience));
        assert_eq!(subscription.keys().seal(b"ping", 12, &entropy).expect("its keys can be used").len(), 119);
    }
    if let Some((point, auth)) = bytes.split_at_checked(65)
        && let Ok(keys) = SubscriptionKeys::from_raw(point, auth)
    {
        assert!(keys.seal(b"ping", 0, &entropy).is_ok());
    }
    let receiver = Receiver::from_raw(&[3; 32], &[5; 16]).expect("a scalar");
    if let Ok(opened) = receiver.open(bytes) {
        assert!(opened.len() <= bytes.len() - 103, "no more comes out than a coding carries");
    }
    let sealed = receiver.keys().seal(bytes.get(..3000).unwrap_or(bytes), 0, &entropy).expect("it fits");
    assert_eq!(*receiver.open(&sealed).expect("sealed for it"), bytes.get(..3000).unwrap_or(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        // 22 January 2016, when the token of RFC 8292 was valid.
        if let Ok(lease) = Lease::read(text, "https://push.example.net", UnixMillis(1_453_500_000_000)) {
            assert!(lease.expires() > 1_453_500_000 && lease.expires() <= 1_453_586_400);
        }
    }
});
