//! ML-KEM-1024 (FIPS 203). A secret key is its 64-byte seed: the short form, and the one that cannot be inconsistent.

use briefcase_types::Entropy;
use ml_kem::{
    B32, Seed,
    kem::{Decapsulate as _, KeyExport as _},
    ml_kem_1024::{Ciphertext, DecapsulationKey, EncapsulationKey},
};
use zeroize::Zeroizing;

use crate::RatchetError;

/// Length of a public key.
pub const KEM_PUBLIC: usize = 1568;
/// Length of a ciphertext.
pub const KEM_CIPHERTEXT: usize = 1568;
/// Length of a secret key in seed form, `d ‖ z`.
pub const KEM_SEED: usize = 64;

/// A public key whose form was checked as FIPS 203 section 7.2 asks.
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

    /// The 1568 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// A fresh shared secret and the ciphertext that carries it.
    #[must_use]
    pub fn encapsulate(&self, entropy: &dyn Entropy) -> (Vec<u8>, KemShared) {
        let mut coins = Zeroizing::new([0; 32]);
        entropy.fill(&mut *coins);
        let (ciphertext, shared) = self.0.encapsulate_deterministic(&B32::from(*coins));
        (ciphertext.to_vec(), KemShared(Zeroizing::new(shared.into())))
    }
}

/// A secret key in seed form; overwritten when dropped.
pub struct KemSecret(Zeroizing<[u8; KEM_SEED]>);

impl KemSecret {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; KEM_SEED]);
        entropy.fill(&mut *seed);
        Self(seed)
    }

    /// The key with this seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; KEM_SEED]) -> Self {
        Self(Zeroizing::new(*seed))
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> KemPublic {
        KemPublic(Box::new(self.expand().encapsulation_key().clone()))
    }

    /// The shared secret in a ciphertext. A ciphertext made for another key gives an unrelated secret, as FIPS 203 wants.
    ///
    /// # Errors
    /// [`RatchetError::Malformed`] when the length is wrong.
    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<KemShared, RatchetError> {
        let ciphertext: Ciphertext =
            ciphertext.try_into().map_err(|_| RatchetError::Malformed("the ML-KEM ciphertext"))?;
        Ok(KemShared(Zeroizing::new(self.expand().decapsulate(&ciphertext).into())))
    }

    /// Gives the seed away, to a store that seals it.
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

/// What an encapsulation carried.
pub struct KemShared(Zeroizing<[u8; 32]>);

impl KemShared {
    /// Takes a secret that was decapsulated elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Gives the secret away, to the operation that needs it.
    pub fn expose<R>(&self, use_secret: impl FnOnce(&[u8; 32]) -> R) -> R {
        use_secret(&self.0)
    }
}
