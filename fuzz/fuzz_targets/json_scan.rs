//! Every reader can parse text that `scan` accepts: member names are unique, and strings are complete.
#![no_main]

use briefcase_json::{JsonLimits, Reason, parse_relayed, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let raw = serde_json::from_slice::<&serde_json::value::RawValue>(bytes);
    match (scan(bytes, &JsonLimits::UPSTREAM), parse_relayed(bytes, &JsonLimits::UPSTREAM)) {
        (Ok(()), Ok(_)) => assert!(raw.is_ok()),
        (Ok(()), Err(error)) => assert_eq!(error.reason, Reason::NumberRange),
        (Err(scanned), parsed) => {
            // Reading stops at the first fault; a number may precede the one that the scan found.
            let parsed = parsed.expect_err("the scan refused it");
            assert!(scanned == parsed || parsed.reason == Reason::NumberRange);
            assert!(scanned.reason != Reason::Syntax || raw.is_err());
        }
    }
});
