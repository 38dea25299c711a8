//! A 256-bit symmetric key on the heap. It is wiped on drop and derived by label.

use briefcase_types::Entropy;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize as _;

use crate::{VaultError, framing::framed};

/// A 256-bit key without `Debug`, `Clone`, `PartialEq` or `Serialize`. The box keeps a move from leaving a copy behind.
pub(crate) struct VaultKey(Box<[u8; 32]>);

impl VaultKey {
    pub(crate) fn random(entropy: &dyn Entropy) -> Self {
        let mut key = Self::zero();
        entropy.fill(key.0.as_mut_slice());
        key
    }

    /// Copies 32 bytes. The caller wipes its own copy.
    pub(crate) fn from_slice(bytes: &[u8]) -> Result<Self, VaultError> {
        let mut key = Self::zero();
        if bytes.len() != key.0.len() {
            return Err(VaultError::DoesNotOpen);
        }
        key.0.copy_from_slice(bytes);
        Ok(key)
    }

    /// Lets `fill` write the key in place.
    pub(crate) fn filled<E>(fill: impl FnOnce(&mut [u8; 32]) -> Result<(), E>) -> Result<Self, E> {
        let mut key = Self::zero();
        fill(&mut key.0)?;
        Ok(key)
    }

    /// Derives a key with HKDF-SHA256 from this key, `salt`, and the framed label and parts as info.
    pub(crate) fn derive(&self, salt: &[u8], label: &str, parts: &[&[u8]]) -> Result<Self, VaultError> {
        derive(&[self.bytes()], salt, label, parts)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn zero() -> Self {
        Self(Box::new([0; 32]))
    }
}

/// Derives a key with HKDF-SHA256 from several input keys. Each has 32 bytes, so their concatenation is unambiguous.
pub(crate) fn derive(inputs: &[&[u8]], salt: &[u8], label: &str, parts: &[&[u8]]) -> Result<VaultKey, VaultError> {
    VaultKey::filled(|out| expand(inputs, salt, &framed(label, parts), out))
}

/// Fills `out` with HKDF-SHA256. Fails only for an output longer than 8,160 bytes.
pub(crate) fn expand(inputs: &[&[u8]], salt: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), VaultError> {
    let joined = zeroize::Zeroizing::new(inputs.concat());
    Hkdf::<Sha256>::new(Some(salt), &joined).expand(info, out).map_err(|_| VaultError::DoesNotOpen)
}

impl Drop for VaultKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
    }

    /// RFC 5869, appendix A.1.
    #[test]
    fn hkdf_matches_the_published_vector() {
        let mut out = [0; 42];
        expand(&[&[0x0b; 22]], &hex("000102030405060708090a0b0c"), &hex("f0f1f2f3f4f5f6f7f8f9"), &mut out).unwrap();
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(out.to_vec(), hex(expected));
    }
}
