//! A schema from a server compiles within its bounds or is rejected. A check of any value never panics, and its
//! messages never repeat the value.
#![no_main]

use std::collections::BTreeMap;

use briefcase_json::{JsonLimits, parse_relayed};
use briefcase_policy::pin;
use briefcase_schema as schema;
use libfuzzer_sys::fuzz_target;

const MARK: &str = "zq-value-zq";

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = parse_relayed(bytes, &JsonLimits::UPSTREAM) else { return };
    if let Ok(compiled) = schema::compile(&value) {
        for checked in [&value, &serde_json::json!({ "a": MARK, "b": [MARK, { "c": MARK }] }), &serde_json::json!(MARK)]
        {
            let Err(violations) = compiled.validate(checked) else { continue };
            assert!(!violations.is_empty());
            let said: String = violations.iter().map(ToString::to_string).collect();
            assert!(std::ptr::eq(checked, &value) || !said.contains(MARK) || value.to_string().contains(MARK));
        }
    }
    let server = "fuzz".parse().expect("a server name");
    for entry in pin::inspect(&server, &BTreeMap::new(), [bytes, bytes]) {
        assert!(entry.verdict.is_err(), "the same definition twice is quarantined");
    }
});
