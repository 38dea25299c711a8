//! On every text that `scan` accepts, the raw walk finds the same members as serde_json. It survives any other text.
#![no_main]

use std::collections::BTreeMap;

use briefcase_json::{
    JsonLimits,
    raw::{Patch, RawObject, decode_string, elements},
    scan,
};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (object, array) = (RawObject::parse(text), elements(text));
    let mut patch = Patch::new(text);
    patch.prepend(text, "\"x\":1");
    for (_, value) in object.iter().flat_map(RawObject::iter) {
        patch.replace(value, value);
    }
    let patched = patch.finish();
    if scan(bytes, &JsonLimits::UPSTREAM).is_err() {
        return;
    }
    let expected: Option<BTreeMap<String, &RawValue>> = serde_json::from_str(text).ok();
    let read: Option<BTreeMap<String, &str>> =
        object.map(|object| object.iter().map(|(name, value)| (name.to_owned(), value)).collect());
    let expected = expected.map(|all| all.into_iter().map(|(name, value)| (name, value.get())).collect());
    assert_eq!(read, expected);
    let expected: Option<Vec<&RawValue>> = serde_json::from_str(text).ok();
    assert_eq!(array, expected.map(|all| all.into_iter().map(RawValue::get).collect()));
    let trimmed = text.trim_matches([' ', '\t', '\n', '\r']);
    assert_eq!(decode_string(trimmed).map(|text| text.into_owned()), serde_json::from_str(text).ok());
    assert!(patched.is_none_or(|text| serde_json::from_str::<&RawValue>(&text).is_ok()));
});
