//! How the store keeps private what it must not show: it is handed something that seals, and never a key.
//!
//! Invariant: a sealed value names the place it belongs to, so it opens nowhere else: an older authority document does
//! not open as a newer one, and openings do not open beside other receipts. The writer seals when it gathers a commit, so
//! the index of the first receipt of the commit is known and the openings of a commit are bound to it.

use briefcase_types::{ReceiptIndex, SecretBytes};

/// What is sealed, and where it belongs.
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
}

impl Place {
    /// The number that tells one place of a kind from another, as associated data for the seal.
    #[must_use]
    pub const fn number(self) -> [u8; 8] {
        match self {
            Self::Authority { version } => version.to_be_bytes(),
            Self::Openings { first } => first.0.to_be_bytes(),
            Self::Ledger { upto } => upto.0.to_be_bytes(),
        }
    }
}

/// Why nothing was sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The vault is locked.
    #[error("the vault is locked: run `briefcase unlock`")]
    Locked,
    /// The bytes were not sealed here, or not for this place.
    #[error("a sealed part of the state does not open: it was edited, swapped, or belongs to another vault")]
    DoesNotOpen,
}

/// Seals and opens what the store keeps. The daemon implements it on the vault.
pub trait Seal: Send + Sync {
    /// Seals for one place.
    ///
    /// # Errors
    /// [`SealError::Locked`] without a key.
    fn seal(&self, place: Place, plain: &[u8]) -> Result<Vec<u8>, SealError>;

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`] for any other bytes.
    fn open(&self, place: Place, sealed: &[u8]) -> Result<SecretBytes, SealError>;
}

/// Signs with the log's key. The daemon implements it on the vault.
pub trait CheckpointSigner: Send + Sync {
    /// An Ed25519 signature, or `None` when the key is not available.
    fn sign(&self, message: &[u8]) -> Option<[u8; 64]>;
}
