//! The `aes128gcm` content coding (RFC 8188), limited to one record as RFC 8291 requires.
//!
//! A record ends with `0x02` and zeros, so the tag covers the padding. A body whose first record announces another one
//! is rejected.

use aes_gcm::{
    Aes128Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::ContentError;

const TAG: usize = 16;
const RECORD_SIZE: u32 = 4096;
const LAST_RECORD: u8 = 2;

pub const SALT: usize = 16;

/// The key and nonce of the record.
struct Sealing {
    cipher: Aes128Gcm,
    nonce: [u8; 12],
}

impl Sealing {
    fn new(secret: &[u8], salt: &[u8; SALT]) -> Result<Self, ContentError> {
        let keys = Hkdf::<Sha256>::new(Some(salt), secret);
        let (mut key, mut nonce) = (Zeroizing::new([0; 16]), [0; 12]);
        keys.expand(b"Content-Encoding: aes128gcm\0", &mut *key).map_err(|_| ContentError::TooLong)?;
        keys.expand(b"Content-Encoding: nonce\0", &mut nonce).map_err(|_| ContentError::TooLong)?;
        Ok(Self { cipher: Aes128Gcm::new((&*key).into()), nonce })
    }
}

/// Encrypts with a key derived from `secret` and `salt`. Each `secret` is used with one salt only.
pub fn seal(
    secret: &[u8],
    salt: &[u8; SALT],
    key_id: &[u8],
    text: &[u8],
    padding: usize,
) -> Result<Vec<u8>, ContentError> {
    let mut record = Zeroizing::new(Vec::with_capacity(text.len() + 1 + padding));
    record.extend_from_slice(text);
    record.push(LAST_RECORD);
    record.resize(text.len() + 1 + padding, 0);
    let sealing = Sealing::new(secret, salt)?;
    let sealed = sealing.cipher.encrypt(&sealing.nonce.into(), Payload { msg: &record, aad: &[] });
    let sealed = sealed.map_err(|_| ContentError::TooLong)?;
    if u32::try_from(sealed.len()).is_ok_and(|length| length <= RECORD_SIZE) {
        let id_length = u8::try_from(key_id.len()).map_err(|_| ContentError::TooLong)?;
        Ok([&salt[..], &RECORD_SIZE.to_be_bytes(), &[id_length], key_id, &sealed].concat())
    } else {
        Err(ContentError::TooLong)
    }
}

/// The parts of an encrypted body.
pub struct EncryptedBody<'a> {
    salt: &'a [u8; SALT],
    pub key_id: &'a [u8],
    record: &'a [u8],
}

impl<'a> EncryptedBody<'a> {
    /// Splits a body into its parts; `None` unless it is exactly one record.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let (salt, rest) = body.split_first_chunk::<SALT>()?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        let (id_length, rest) = rest.split_first()?;
        let (key_id, record) = rest.split_at_checked(usize::from(*id_length))?;
        let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
        (size > TAG + 1 && record.len() > TAG && record.len() <= size).then_some(Self { salt, key_id, record })
    }

    /// Decrypts the body with the secret of `key_id`.
    pub fn open(&self, secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        let sealing = Sealing::new(secret, self.salt)?;
        let opened = sealing.cipher.decrypt(&sealing.nonce.into(), Payload { msg: self.record, aad: &[] });
        let mut text = Zeroizing::new(opened.map_err(|_| ContentError::Forged)?);
        while text.last() == Some(&0) {
            text.pop();
        }
        if text.pop() == Some(LAST_RECORD) { Ok(text) } else { Err(ContentError::Forged) }
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    const BODY: &str = "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg";

    #[test]
    fn the_example_of_rfc_8188_section_3_1() {
        let secret = bytes("yqdlZ-tYemfogSmv7Ws5PQ");
        let salt: [u8; SALT] = bytes("I1BsxtFttlv3u_Oo94xnmw").try_into().unwrap();
        assert_eq!(seal(&secret, &salt, b"", b"I am the walrus", 0).unwrap(), bytes(BODY));
        let body = bytes(BODY);
        let sealed = EncryptedBody::read(&body).unwrap();
        assert_eq!(sealed.key_id, b"");
        assert_eq!(*sealed.open(&secret).unwrap(), b"I am the walrus");
    }

    #[test]
    fn a_record_that_is_not_the_last_is_rejected() {
        // RFC 8188 section 3.2 has two records. The first alone, filling its record size, announces a successor.
        let body =
            bytes("uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA");
        let secret = bytes("BO3ZVPxUlnLORbVGMpbT1Q");
        assert!(EncryptedBody::read(&body).is_none(), "two records");
        let first = EncryptedBody::read(&body[..21 + 2 + 25]).unwrap();
        assert_eq!(first.open(&secret), Err(ContentError::Forged));
    }
}
