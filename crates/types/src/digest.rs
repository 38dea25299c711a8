//! SHA-256 digests with a domain label, so that bytes hashed for one purpose never match those of another.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::serde_text::serde_as_text;

/// A SHA-256 digest (32 bytes). Text form: unpadded base64url, 43 characters.
#[derive(Clone, Copy, Debug, PartialOrd, Ord, Hash)]
#[expect(clippy::derived_hash_with_manual_eq, reason = "the same relation, compared in constant time")]
pub struct Digest([u8; 32]);

/// The text is not 43 characters of unpadded base64url.
#[derive(Debug, thiserror::Error)]
#[error("a digest is 43 characters of unpadded base64url (RFC 4648 section 5)")]
pub struct DigestError;

impl Digest {
    /// `SHA-256(label || 0x00 || part...)`, each part preceded by its length as 8 big-endian bytes.
    ///
    /// `label` names the purpose, such as `briefcase/approval/1`.
    #[must_use]
    pub fn labelled(label: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        hash.update(label.as_bytes());
        hash.update([0]);
        for part in parts {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            hash.update(length.to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// Plain `SHA-256(bytes)`, for formats that a standard defines.
    #[must_use]
    pub fn sha256(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Takes 32 bytes that are already a digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Digests may stand for secrets (tokens, PIN material), so they compare in constant time.
impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| DigestError)?;
        Ok(Self(bytes.try_into().map_err(|_| DigestError)?))
    }
}

serde_as_text!(Digest);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_part_borders_separate_digests() {
        let one = Digest::labelled("a", &[b"xy", b"z"]);
        assert_ne!(one, Digest::labelled("a", &[b"x", b"yz"]));
        assert_ne!(one, Digest::labelled("b", &[b"xy", b"z"]));
        assert_eq!(one, one.to_string().parse().unwrap());
    }
}
