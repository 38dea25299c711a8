//! The vectors, and keys for signing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_enclave_formats::RawPublicKey;
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::Value;

pub fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/enclave/forms.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text(value)).unwrap()
}

pub fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A P-256 key for tests.
pub struct Es256 {
    key: SigningKey,
    pub raw: [u8; 65],
    pub kid: String,
}

impl Es256 {
    pub fn new(seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).unwrap();
        let raw: [u8; 65] = key.verifying_key().to_sec1_point(false).as_bytes().try_into().unwrap();
        Self { key, raw, kid: RawPublicKey::Es256(raw).thumbprint() }
    }

    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: Signature = self.key.sign(bytes);
        signature.to_bytes().to_vec()
    }
}
