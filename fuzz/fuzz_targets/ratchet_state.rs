//! Stored states. The checksum would keep the fuzzer out of the code behind it, so it is corrected first. An accepted
//! state is written back as the same bytes.
#![no_main]

use briefcase_ratchet::{Prekeys, RatchetSession};
use briefcase_types::Digest;
use libfuzzer_sys::fuzz_target;

/// Each state ends in the first half of `SHA-256(label, 0, body)`.
fn summed(label: &str, body: &[u8]) -> Vec<u8> {
    let sum = Digest::sha256(&[label.as_bytes(), &[0], body].concat());
    [body, &sum.as_bytes()[..16]].concat()
}

fuzz_target!(|body: &[u8]| {
    assert!(RatchetSession::from_bytes(body).is_err() || body.len() > 300, "a check sum does not fit by chance");
    let session = summed("Briefcase_Session", body);
    if let Ok(read) = RatchetSession::from_bytes(&session) {
        assert_eq!(*read.to_bytes(), session);
    }
    let prekeys = summed("Briefcase_Prekeys", body);
    if let Ok(read) = Prekeys::from_bytes(&prekeys) {
        assert_eq!(*read.to_bytes(), prekeys);
    }
});
