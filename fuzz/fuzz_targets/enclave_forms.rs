//! Untrusted documents: an accepted one is canonical, and means the same to the strict JSON reader.
#![no_main]

use briefcase_enclave_formats::{
    approval::SignedDecision,
    audit::{AuditEntry, AuditHead},
};
use briefcase_json::{JsonLimits, canonical, parse_strict};
use libfuzzer_sys::fuzz_target;

fn same(bytes: &[u8]) -> Vec<u8> {
    canonical(&parse_strict(bytes, &JsonLimits::AGENT).expect("what is accepted here is strict JSON"))
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = AuditEntry::draft(bytes) {
        assert_eq!(entry.to_bytes().expect("it was read"), same(bytes));
    }
    if AuditEntry::read(bytes).is_ok() || AuditHead::read(bytes).is_ok() {
        assert_eq!(same(bytes), bytes);
    }
    if let Ok(decision) = SignedDecision::draft(bytes) {
        let written = decision.to_bytes().expect("it was read");
        assert_eq!(same(&written), written);
    }
});
