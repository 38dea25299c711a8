//! Keys, time and randomness for tests.

use std::{sync::Mutex, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_enclave_formats::vapid::VapidClaims;
use briefcase_types::{Clock, Digest, Entropy, UnixMillis};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::Value;

pub const NOW: UnixMillis = UnixMillis(1_763_712_000_000);
pub const SUB: &str = "mailto:relay@example.org";

pub struct At(pub UnixMillis);

impl Clock for At {
    fn now(&self) -> UnixMillis {
        self.0
    }
}

/// Hashes of a seed and a counter.
pub struct Seeded(Mutex<(u64, u64)>);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new((seed, 0)))
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for chunk in bytes.chunks_mut(32) {
            state.1 += 1;
            let block = Digest::labelled("test entropy", &[&state.0.to_be_bytes(), &state.1.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

pub fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

pub fn vectors(name: &str) -> Value {
    let path = format!("{}/../../vectors/push/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The enclave's use of its VAPID key.
pub struct Enclave {
    key: SigningKey,
    pub raw: [u8; 65],
}

impl Enclave {
    pub fn new(seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).unwrap();
        let raw = key.verifying_key().to_sec1_point(false).as_bytes().try_into().unwrap();
        Self { key, raw }
    }

    /// An `Authorization` value that is valid from now on.
    pub fn lease(&self, audience: &str, ttl: Duration) -> String {
        let claims = VapidClaims::lease(audience, SUB, NOW.0 / 1000, ttl).unwrap();
        self.signed(&claims.signing_input().unwrap())
    }

    pub fn signed(&self, input: &str) -> String {
        let signature: Signature = self.key.sign(input.as_bytes());
        format!("vapid t={input}.{}, k={}", base64(&signature.to_bytes()), base64(&self.raw))
    }
}
