//! Public keys and their ids: the key id is the thumbprint of RFC 7638.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_types::Digest;
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier as _};

/// A public key or a signature is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// An algorithm other than `ES256`, `Ed25519` and `X25519`.
    #[error("the algorithm is not one of ES256, Ed25519, X25519")]
    Algorithm,
    /// The bytes cannot be a key of the algorithm.
    #[error("the public key is invalid for its algorithm")]
    Form,
    /// The signature is invalid for these bytes and this key.
    #[error("the signature is invalid")]
    Signature,
}

/// A raw public key as WebCrypto exports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RawPublicKey {
    /// P-256, the uncompressed point: `04 ‖ x ‖ y`.
    Es256([u8; 65]),
    /// RFC 8032.
    Ed25519([u8; 32]),
    /// RFC 7748.
    X25519([u8; 32]),
}

impl RawPublicKey {
    /// Reads a raw key. The algorithm's name determines its length. Verifying a signature checks whether a P-256 point
    /// is on the curve.
    ///
    /// # Errors
    /// [`KeyError::Algorithm`] or [`KeyError::Form`].
    pub fn from_raw(algorithm: &str, bytes: &[u8]) -> Result<Self, KeyError> {
        let form = |_| KeyError::Form;
        match algorithm {
            "ES256" if bytes.first() == Some(&4) => Ok(Self::Es256(bytes.try_into().map_err(form)?)),
            "ES256" => Err(KeyError::Form),
            "Ed25519" => Ok(Self::Ed25519(bytes.try_into().map_err(form)?)),
            "X25519" => Ok(Self::X25519(bytes.try_into().map_err(form)?)),
            _ => Err(KeyError::Algorithm),
        }
    }

    /// The JWK with only the required members, in the order of RFC 7638 section 3.2.
    #[must_use]
    pub fn to_jwk(&self) -> String {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Es256([_, point @ ..]) => {
                let (x, y) = point.split_at(32);
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y))
            }
            Self::Ed25519(key) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(key)),
            Self::X25519(key) => format!(r#"{{"crv":"X25519","kty":"OKP","x":"{}"}}"#, text(key)),
        }
    }

    /// The key id: SHA-256 of the JWK, in base64url.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        Digest::sha256(self.to_jwk().as_bytes()).to_string()
    }
}

/// A P-256 public key, checked to be on the curve.
#[derive(Clone, Debug)]
pub struct Es256Public(VerifyingKey);

impl Es256Public {
    /// Reads the uncompressed point.
    ///
    /// # Errors
    /// [`KeyError::Form`] when the point is not on the curve.
    pub fn from_raw(bytes: &[u8; 65]) -> Result<Self, KeyError> {
        VerifyingKey::from_sec1_bytes(bytes).map(Self).map_err(|_| KeyError::Form)
    }

    /// Verifies a signature in the P-1363 format of WebCrypto and JWS.
    ///
    /// # Errors
    /// [`KeyError::Signature`].
    pub fn verify(&self, bytes: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let signature = Signature::from_slice(signature).map_err(|_| KeyError::Signature)?;
        self.0.verify(bytes, &signature).map_err(|_| KeyError::Signature)
    }
}
