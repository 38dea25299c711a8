//! The holders of long-term keys. The session rules are the same for a key in this process and a key in WebCrypto, so
//! they use these traits. Only these calls can be pending.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use briefcase_types::Entropy;
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use crate::{AgreementPublic, AgreementSecret, KemShared, RatchetError, SharedSecret, SigningPublic};

/// A key's holder returned no valid result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HolderError {
    /// The holder refused, or the key is missing.
    #[error("the holder of the key refused")]
    Refused,
    /// The holder's answer cannot be a result of this operation.
    #[error("the holder of the key gave a wrong answer")]
    WrongAnswer,
}

/// A holder of an identity's X25519 key.
pub trait Dh {
    /// Computes a Diffie-Hellman shared secret with the key.
    fn agree(&self, peer: &AgreementPublic) -> impl Future<Output = Result<SharedSecret, RatchetError>>;
}

/// A holder of last-resort KEM keys that are not in [`crate::Prekeys`].
pub trait Kem {
    /// Decapsulates with the named key.
    fn decapsulate(&self, key: &str, ciphertext: &[u8]) -> impl Future<Output = Result<KemShared, RatchetError>>;
}

/// A holder of an identity's Ed25519 key.
pub trait Sign {
    /// Signs. The caller verifies the signature, so a faulty holder does no harm.
    fn sign(&self, bytes: &[u8]) -> impl Future<Output = Result<[u8; 64], RatchetError>>;
}

/// Both keys of an identity, in this process's memory.
pub struct SoftKeys {
    signing: SigningKey,
    agreement: AgreementSecret,
}

impl SoftKeys {
    /// Makes new keys.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(&mut *seed);
        Self::from_secrets(&seed, AgreementSecret::generate(entropy))
    }

    /// Makes the keys from their secrets.
    #[must_use]
    pub fn from_secrets(signing_seed: &[u8; 32], agreement: AgreementSecret) -> Self {
        Self { signing: SigningKey::from_bytes(signing_seed), agreement }
    }

    /// The public signing key.
    #[must_use]
    pub fn signing(&self) -> SigningPublic {
        SigningPublic::from_bytes(self.signing.verifying_key().to_bytes())
    }

    /// The public agreement key.
    #[must_use]
    pub fn agreement(&self) -> AgreementPublic {
        self.agreement.public()
    }
}

impl Dh for SoftKeys {
    async fn agree(&self, peer: &AgreementPublic) -> Result<SharedSecret, RatchetError> {
        self.agreement.agree(peer)
    }
}

impl Kem for SoftKeys {
    async fn decapsulate(&self, _: &str, _: &[u8]) -> Result<KemShared, RatchetError> {
        Err(HolderError::Refused.into())
    }
}

impl Sign for SoftKeys {
    async fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], RatchetError> {
        Ok(self.signing.sign(bytes).to_bytes())
    }
}

/// Runs an operation whose keys are in memory: its future is ready at the first poll. Returns `None` when a holder is
/// pending.
pub fn now<F: Future>(operation: F) -> Option<F::Output> {
    match pin!(operation).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
