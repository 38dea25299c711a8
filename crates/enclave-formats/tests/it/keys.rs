//! Key ids.

use briefcase_enclave_formats::{Es256Public, KeyError, RawPublicKey};

use crate::sample::{Es256, bytes, text, vectors};

#[test]
fn thumbprints_match_another_implementation_and_rfc_8037() {
    let vectors = vectors();
    let cases = vectors["thumbprints"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let key = RawPublicKey::from_raw(text(&case["algorithm"]), &bytes(&case["raw"])).unwrap();
        assert_eq!(key.thumbprint(), text(&case["kid"]));
    }
    assert_eq!(text(&cases[0]["kid"]), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn malformed_keys_are_rejected() {
    let raw = Es256::new(1).raw;
    let mut compressed = raw;
    compressed[0] = 2;
    assert!(matches!(RawPublicKey::from_raw("ES256", &compressed), Err(KeyError::Form)));
    assert!(matches!(RawPublicKey::from_raw("ES256", &raw[..64]), Err(KeyError::Form)));
    assert!(matches!(RawPublicKey::from_raw("ES256", &[]), Err(KeyError::Form)));
    assert!(matches!(RawPublicKey::from_raw("Ed25519", &raw), Err(KeyError::Form)));
    assert!(matches!(RawPublicKey::from_raw("RS256", &raw), Err(KeyError::Algorithm)));
    let mut off_the_curve = raw;
    off_the_curve[64] ^= 1;
    assert!(Es256Public::from_raw(&off_the_curve).is_err());
}
