//! Text that `parse_strict` accepts has one meaning: serde_json reads the same value, and the canonical form reads
//! back.
#![no_main]

use briefcase_json::{JsonLimits, canonical, parse_strict, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match parse_strict(bytes, &JsonLimits::AGENT) {
        Ok(value) => {
            let form = canonical(&value);
            assert_eq!(parse_strict(&form, &JsonLimits::AGENT).as_ref(), Ok(&value));
            assert_eq!(scan(bytes, &JsonLimits::AGENT), Ok(()));
            assert!(serde_json::from_slice::<serde_json::Value>(bytes).is_ok());
        }
        Err(error) => assert!(error.at <= bytes.len() && error.to_string().is_ascii()),
    }
});
