//! Decoding untrusted bytes never panics, and accepts one encoding per receipt only.
#![no_main]

use briefcase_json::{JsonLimits, canonical, parse_strict};
use briefcase_receipts::{Receipt, commit::Opening};
use briefcase_types::Digest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(receipt) = Receipt::decode(bytes) {
        assert_eq!(receipt.encode().as_deref(), Ok(bytes));
        let value = parse_strict(bytes, &JsonLimits::AGENT).expect("a receipt is strict JSON");
        assert_eq!(canonical(&value), bytes);
    }
    if let Ok(opening) = Opening::parse(bytes) {
        assert!(opening.verify(&Digest::sha256(b"")).is_err());
    }
});
