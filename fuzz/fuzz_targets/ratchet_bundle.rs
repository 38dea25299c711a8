//! Untrusted bundles and identity cards: an accepted one is signed and has one encoding.
#![no_main]

use briefcase_ratchet::{IdentityCard, KEM_CIPHERTEXT, KemPublic, KemSecret, PrekeyBundle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = PrekeyBundle::verify(bytes) {
        assert_eq!(bundle.to_bytes(), bytes);
    }
    if let Ok(card) = IdentityCard::from_bytes(bytes) {
        assert_eq!(card.to_bytes(), bytes);
    }
    if let Ok(key) = KemPublic::from_bytes(bytes) {
        assert_eq!(key.to_bytes(), bytes);
    }
    let opened = KemSecret::from_seed(&[7; 64]).decapsulate(bytes);
    assert_eq!(opened.is_ok(), bytes.len() == KEM_CIPHERTEXT);
});
