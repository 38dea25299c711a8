//! ML-KEM-1024 (FIPS 203). A secret key is its 64-byte seed: the short form, which cannot be inconsistent.

use briefcase_types::Entropy;
use ml_kem::{
    B32, Seed,
    kem::{Decapsulate as _, KeyExport as _},
    ml_kem_1024::{Ciphertext, DecapsulationKey, EncapsulationKey},
};
use zeroize::Zeroizing;

use crate::RatchetError;

/// The length of a public key.
pub const KEM_PUBLIC: usize = 1568;
/// The length of a ciphertext.
pub const KEM_CIPHERTEXT: usize = 1568;
/// The length of a secret key in seed form, `d ‖ z`.
pub const KEM_SEED: usize = 64;

/// A public key that passed the checks of FIPS 203 section 7.2.
#[derive(Clone, Debug)]
pub struct KemPublic(Box<EncapsulationKey>);

impl KemPublic {
    /// Reads and checks a public key.
    ///
    /// # Errors
    /// [`RatchetError::Malformed`] when the length is wrong or a coefficient is not reduced.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RatchetError> {
        let wrong = |_| RatchetError::Malformed("the ML-KEM key");
        let bytes = bytes.try_into().map_err(wrong)?;
        let key = EncapsulationKey::new(&bytes).map_err(|_| RatchetError::Malformed("the ML-KEM key"))?;
        Ok(Self(Box::new(key)))
    }

    /// The key's 1568 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// Makes a fresh shared secret and its ciphertext.
    #[must_use]
    pub fn encapsulate(&self, entropy: &dyn Entropy) -> (Vec<u8>, KemShared) {
        let mut coins = Zeroizing::new([0; 32]);
        entropy.fill(&mut *coins);
        let (ciphertext, shared) = self.0.encapsulate_deterministic(&B32::from(*coins));
        (ciphertext.to_vec(), KemShared(Zeroizing::new(shared.into())))
    }
}

/// A secret key in seed form, overwritten when dropped.
pub struct KemSecret(Zeroizing<[u8; KEM_SEED]>);

impl KemSecret {
    /// Makes a new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; KEM_SEED]);
        entropy.fill(&mut *seed);
        Self(seed)
    }

    /// Makes the key from its seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; KEM_SEED]) -> Self {
        Self(Zeroizing::new(*seed))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> KemPublic {
        KemPublic(Box::new(self.expand().encapsulation_key().clone()))
    }

    /// Decapsulates the shared secret. A ciphertext for another key gives an unrelated secret, as FIPS 203 specifies.
    ///
    /// # Errors
    /// [`RatchetError::Malformed`] when the length is wrong.
    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<KemShared, RatchetError> {
        let ciphertext: Ciphertext =
            ciphertext.try_into().map_err(|_| RatchetError::Malformed("the ML-KEM ciphertext"))?;
        Ok(KemShared(Zeroizing::new(self.expand().decapsulate(&ciphertext).into())))
    }

    /// Passes the seed to a closure, for encrypted storage.
    pub fn expose<R>(&self, use_seed: impl FnOnce(&[u8; KEM_SEED]) -> R) -> R {
        use_seed(&self.0)
    }

    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    fn expand(&self) -> DecapsulationKey {
        DecapsulationKey::from_seed(Seed::from(*self.0))
    }
}

/// An encapsulated shared secret.
pub struct KemShared(Zeroizing<[u8; 32]>);

impl KemShared {
    /// Wraps a secret that was decapsulated elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Passes the secret to a closure.
    pub fn expose<R>(&self, use_secret: impl FnOnce(&[u8; 32]) -> R) -> R {
        use_secret(&self.0)
    }
}
