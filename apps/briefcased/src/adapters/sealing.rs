//! The store's seal and signer, implemented with the vault. The store never holds a key.

use std::sync::Arc;

use briefcase_store::{CheckpointSigner, Place, Seal, SealError};
use briefcase_types::{Entropy, SecretBytes};
use briefcase_vault::{LogKey, Purpose, Sealer, Unlocked, VaultError};

/// Seals with one key for each kind of place.
pub struct VaultSeal {
    authority: Sealer,
    openings: Sealer,
    ledger: Sealer,
    overlap: Sealer,
    entropy: Arc<dyn Entropy>,
}

impl VaultSeal {
    /// Takes the keys from an open vault.
    ///
    /// # Errors
    /// A key cannot be derived.
    pub fn new(unlocked: &Unlocked, entropy: Arc<dyn Entropy>) -> Result<Self, VaultError> {
        Ok(Self {
            authority: unlocked.sealer(Purpose::Authority)?,
            openings: unlocked.sealer(Purpose::ReceiptOpenings)?,
            ledger: unlocked.sealer(Purpose::Ledger)?,
            overlap: unlocked.sealer(Purpose::Overlap)?,
            entropy,
        })
    }

    const fn sealer(&self, place: Place) -> Option<&Sealer> {
        match place {
            Place::Authority { .. } => Some(&self.authority),
            Place::Openings { .. } => Some(&self.openings),
            Place::Ledger { .. } => Some(&self.ledger),
            Place::Overlap { .. } => Some(&self.overlap),
            _ => None,
        }
    }
}

impl Seal for VaultSeal {
    fn seal(&self, place: Place, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let sealer = self.sealer(place).ok_or(SealError::Locked)?;
        sealer.seal(&[&place.number()], plain, self.entropy.as_ref()).map_err(|_| SealError::Locked)
    }

    fn open(&self, place: Place, sealed: &[u8]) -> Result<SecretBytes, SealError> {
        let sealer = self.sealer(place).ok_or(SealError::DoesNotOpen)?;
        let mut plain = sealer.open(&[&place.number()], sealed).map_err(|_| SealError::DoesNotOpen)?;
        Ok(SecretBytes::new(std::mem::take(&mut *plain)))
    }
}

/// Signs checkpoints with the log's key.
pub struct LogSigner(pub LogKey);

impl CheckpointSigner for LogSigner {
    fn sign(&self, message: &[u8]) -> Option<[u8; 64]> {
        Some(self.0.sign(message))
    }
}
