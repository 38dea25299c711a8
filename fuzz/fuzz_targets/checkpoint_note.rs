//! Untrusted notes never cause a panic, and no note without the key's signature is accepted as a checkpoint.
#![no_main]

use briefcase_receipts::{
    PublicKey,
    checkpoint::{SignedReceiptCheckpoint, Witness},
};
use libfuzzer_sys::fuzz_target;

const WITNESS: &str = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";

fuzz_target!(|bytes: &[u8]| {
    let witness: Witness = WITNESS.parse().expect("a verifier key");
    let _cosigned = witness.verify(bytes);
    let key = PublicKey::from_bytes(&KEY).expect("a public key");
    // The input contains no signature by this key on a checkpoint of this product.
    assert!(SignedReceiptCheckpoint::verify(bytes, &key).is_err());
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(read) = text.parse::<PublicKey>() {
            assert_eq!(read.to_string().parse(), Ok(read));
        }
        let _witness = text.parse::<Witness>();
    }
});

/// RFC 8032 section 7.1, test 1.
const KEY: [u8; 32] = [
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72,
    0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];
