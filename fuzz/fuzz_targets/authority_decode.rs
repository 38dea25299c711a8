//! A decoded authority document is within its limits and has one canonical form. Its policies compile, or the error
//! names the fault.
#![no_main]

use briefcase_policy::{
    authority::Authority,
    decision::{AcceptedDefinitions, PolicySet},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Authority::decode(bytes) else { return };
    let form = document.encode().expect("a checked document can be written");
    let again = Authority::decode(&form).expect("and read back");
    assert_eq!(again, document);
    assert_eq!(again.encode().expect("in one form"), form);
    assert!(document.differences(&again).is_empty());
    let _usable = PolicySet::compile(&document, &AcceptedDefinitions::new());
});
