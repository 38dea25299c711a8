//! Seals private parts of the state. The store receives a [`Seal`], and never a key.
//!
//! Invariant: a sealed value is bound to its place and opens nowhere else. An older authority document does not open as
//! a newer one, and openings do not open beside other receipts.
//!
//! The writer seals while it prepares a commit. The index of the commit's first receipt is then known, and the openings
//! are bound to it.

use briefcase_types::{ReceiptIndex, SecretBytes};

/// The kind and place of a sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The authority document of a version.
    Authority {
        /// The version.
        version: u64,
    },
    /// The openings of the commit that begins with this receipt.
    Openings {
        /// The first receipt of the commit.
        first: ReceiptIndex,
    },
    /// The ledger as of this receipt (exclusive).
    Ledger {
        /// The first receipt that is not in it.
        upto: ReceiptIndex,
    },
    /// The intent or the mark in a slot of the file `overlap`.
    Overlap {
        /// The slot; the number of slots for the header.
        slot: u16,
    },
}

impl Place {
    /// Returns the number of a place within its kind, as associated data for the seal.
    #[must_use]
    pub const fn number(self) -> [u8; 8] {
        match self {
            Self::Authority { version } => version.to_be_bytes(),
            Self::Openings { first } => first.0.to_be_bytes(),
            Self::Ledger { upto } => upto.0.to_be_bytes(),
            Self::Overlap { slot } => {
                let [high, low] = slot.to_be_bytes();
                [0, 0, 0, 0, 0, 0, high, low]
            }
        }
    }
}

/// Sealing or opening failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The vault is locked.
    #[error("the vault is locked: run `briefcase unlock`")]
    Locked,
    /// The bytes were sealed by another vault or for another place.
    #[error("a sealed part of the state does not open: it was edited, swapped, or belongs to another vault")]
    DoesNotOpen,
}

/// Seals and opens values of the store. The daemon implements the trait with the vault.
pub trait Seal: Send + Sync {
    /// Seals a value for one place.
    ///
    /// # Errors
    /// [`SealError::Locked`] without a key.
    fn seal(&self, place: Place, plain: &[u8]) -> Result<Vec<u8>, SealError>;

    /// Opens a value that was sealed for the same place.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`] for any other bytes.
    fn open(&self, place: Place, sealed: &[u8]) -> Result<SecretBytes, SealError>;
}

/// Signs with the log's key. The daemon implements the trait with the vault.
pub trait CheckpointSigner: Send + Sync {
    /// Returns an Ed25519 signature, or `None` when the key is not available.
    fn sign(&self, message: &[u8]) -> Option<[u8; 64]>;
}
