//! X25519 (RFC 7748): a shared secret that both sides contributed to, or none.

use briefcase_types::Entropy;
use subtle::ConstantTimeEq as _;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::RatchetError;

/// A public key for agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgreementPublic([u8; 32]);

impl AgreementPublic {
    /// Takes the 32 bytes as they are; a key of small order is refused when it is used.
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

/// A private key for agreement; overwritten when dropped.
pub struct AgreementSecret(StaticSecret);

impl AgreementSecret {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(&mut *bytes);
        Self::from_bytes(&bytes)
    }

    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(StaticSecret::from(*bytes))
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> AgreementPublic {
        AgreementPublic(PublicKey::from(&self.0).to_bytes())
    }

    /// Diffie-Hellman.
    ///
    /// # Errors
    /// [`RatchetError::NoContribution`] when the result is all zero.
    pub fn agree(&self, peer: &AgreementPublic) -> Result<SharedSecret, RatchetError> {
        SharedSecret::from_bytes(*self.0.diffie_hellman(&PublicKey::from(peer.0)).as_bytes())
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

/// What a Diffie-Hellman gave; never all zero.
pub struct SharedSecret(Zeroizing<[u8; 32]>);

impl SharedSecret {
    /// Takes a result, wherever it was computed.
    ///
    /// # Errors
    /// [`RatchetError::NoContribution`] when it is all zero.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, RatchetError> {
        let secret = Self(Zeroizing::new(bytes));
        if bool::from(secret.0.ct_eq(&[0; 32])) { Err(RatchetError::NoContribution) } else { Ok(secret) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
