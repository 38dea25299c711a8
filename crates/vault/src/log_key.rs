//! The key that signs checkpoints of the receipt log.
//!
//! The key is random instead of derived from the root key: a hardware signer can hold it, and a new vault can continue
//! an old log.

use briefcase_types::{Entropy, SecretBytes};
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use crate::{RecordAddress, SealedRecord, Unlocked, VaultError};

/// An Ed25519 key. Wiped on drop.
pub struct LogKey(SigningKey);

const ADDRESS: RecordAddress<'static> =
    RecordAddress { kind: "log-signing-key", id: "log", audience: "receipts", version: 1 };

impl LogKey {
    /// Generates a new key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut_slice());
        Self(SigningKey::from_bytes(&seed))
    }

    /// Returns the public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs a message with Ed25519.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// Seals the key as a vault record.
    ///
    /// # Errors
    /// As [`Unlocked::seal`].
    pub fn seal(&self, unlocked: &Unlocked, entropy: &dyn Entropy) -> Result<SealedRecord, VaultError> {
        unlocked.seal(ADDRESS, &SecretBytes::new(self.0.to_bytes().to_vec()), entropy)
    }

    /// Opens the key's vault record.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] in every case.
    pub fn open(unlocked: &Unlocked, sealed: &SealedRecord) -> Result<Self, VaultError> {
        let seed = unlocked.open(ADDRESS, sealed)?;
        seed.expose(|bytes| {
            let seed = Zeroizing::new(<[u8; 32]>::try_from(bytes).map_err(|_| VaultError::DoesNotOpen)?);
            Ok(Self(SigningKey::from_bytes(&seed)))
        })
    }

    /// Returns the key's record under the current record-wrapping key; `None` if it is already.
    ///
    /// # Errors
    /// As [`Unlocked::rewrap`].
    pub fn rewrap(
        unlocked: &Unlocked,
        sealed: &SealedRecord,
        entropy: &dyn Entropy,
    ) -> Result<Option<SealedRecord>, VaultError> {
        unlocked.rewrap(ADDRESS, sealed, entropy)
    }
}
