//! Who holds the long-term keys. The rules of a session are the same whether a key lies in this process or behind
//! WebCrypto, so they ask through these traits; only here can a future be pending.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use briefcase_types::Entropy;
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use crate::{AgreementPublic, AgreementSecret, KemShared, RatchetError, SharedSecret, SigningPublic};

/// The holder of a key did not answer with a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HolderError {
    /// It said no, or the key is not there.
    #[error("the holder of the key refused")]
    Refused,
    /// It answered with something that cannot be a result of this operation.
    #[error("the holder of the key gave a wrong answer")]
    WrongAnswer,
}

/// Holds the X25519 key of an identity.
pub trait Dh {
    /// Diffie-Hellman with the key.
    fn agree(&self, peer: &AgreementPublic) -> impl Future<Output = Result<SharedSecret, RatchetError>>;
}

/// Holds last-resort KEM keys that are not kept in [`crate::Prekeys`].
pub trait Kem {
    /// Decapsulates with the key of this name.
    fn decapsulate(&self, key: &str, ciphertext: &[u8]) -> impl Future<Output = Result<KemShared, RatchetError>>;
}

/// Holds the Ed25519 key of an identity.
pub trait Sign {
    /// Signs; the caller checks the signature, so a holder need not be trusted to be right.
    fn sign(&self, bytes: &[u8]) -> impl Future<Output = Result<[u8; 64], RatchetError>>;
}

/// Both keys of an identity in this process' memory.
pub struct SoftKeys {
    signing: SigningKey,
    agreement: AgreementSecret,
}

impl SoftKeys {
    /// New keys.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(&mut *seed);
        Self::from_secrets(&seed, AgreementSecret::generate(entropy))
    }

    /// The keys with these secrets.
    #[must_use]
    pub fn from_secrets(signing_seed: &[u8; 32], agreement: AgreementSecret) -> Self {
        Self { signing: SigningKey::from_bytes(signing_seed), agreement }
    }

    /// The key that signs.
    #[must_use]
    pub fn signing(&self) -> SigningPublic {
        SigningPublic::from_bytes(self.signing.verifying_key().to_bytes())
    }

    /// The key that agrees.
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

/// Runs an operation whose keys are in memory: its future is ready when it is asked for the first time. `None` when it
/// waits after all, because a holder does.
pub fn now<F: Future>(operation: F) -> Option<F::Output> {
    match pin!(operation).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
