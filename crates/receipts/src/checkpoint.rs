//! Signed checkpoints of this product's logs. Their origin names the installation and its incarnation.
//!
//! Invariant: a [`SignedReceiptCheckpoint`] exists only if its signature was checked against the log's key. The private
//! key stays in the vault: signing takes a closure, and its result is checked before use.

use std::{fmt, str::FromStr};

pub use briefcase_tlog::{CheckpointError, PublicKey, Witness};
use briefcase_types::{Digest, Incarnation};

/// The name of a log: `briefcase/<install>/<incarnation>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptLogOrigin(String);

impl ReceiptLogOrigin {
    /// Makes the origin of an installation's log in one incarnation. `install` is 1 to 64 of `A-Z a-z 0-9 _ -`.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`] for another install id.
    pub fn new(install: &str, incarnation: &Incarnation) -> Result<Self, CheckpointError> {
        let letters = install.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !letters || !(1..=64).contains(&install.len()) {
            return Err(CheckpointError::Origin);
        }
        Ok(Self(format!("briefcase/{install}/{incarnation}")))
    }

    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the installation.
    #[must_use]
    pub fn install(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }
}

impl FromStr for ReceiptLogOrigin {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let rest = text.strip_prefix("briefcase/").ok_or(CheckpointError::Origin)?;
        let (install, incarnation) = rest.split_once('/').ok_or(CheckpointError::Origin)?;
        let origin = Self::new(install, &incarnation.parse().map_err(|_| CheckpointError::Origin)?)?;
        if origin.0 == text { Ok(origin) } else { Err(CheckpointError::Origin) }
    }
}

impl fmt::Display for ReceiptLogOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A checkpoint: the size of a log and the root over all its receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptCheckpoint {
    /// The log's name.
    pub origin: ReceiptLogOrigin,
    /// The number of receipts.
    pub size: u64,
    /// The root over all receipts.
    pub root: Digest,
}

impl ReceiptCheckpoint {
    /// The text that is signed (C2SP tlog-checkpoint).
    #[must_use]
    pub fn text(&self) -> String {
        briefcase_tlog::checkpoint::text(self.origin.as_str(), self.size, &self.root)
    }

    /// Signs the checkpoint for the given public key. `sign` gets the text and returns the 64 bytes of an Ed25519
    /// signature, or `None` when the private key is not available.
    ///
    /// # Errors
    /// [`CheckpointError::NotSigned`] without a signature, [`CheckpointError::Signature`] when another key made it.
    pub fn sign(
        self,
        key: &PublicKey,
        sign: impl FnOnce(&[u8]) -> Option<[u8; 64]>,
    ) -> Result<SignedReceiptCheckpoint, CheckpointError> {
        let head =
            briefcase_tlog::Checkpoint { origin: self.origin.as_str().parse()?, size: self.size, root: self.root };
        Ok(SignedReceiptCheckpoint { checkpoint: self, note: head.sign(key, sign)?.note().to_owned() })
    }
}

/// A checkpoint whose signature by the log's key was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedReceiptCheckpoint {
    checkpoint: ReceiptCheckpoint,
    note: String,
}

impl SignedReceiptCheckpoint {
    /// Reads a signed note and verifies the log's signature. Other signatures are kept unverified; see
    /// [`Witness::verify`].
    ///
    /// # Errors
    /// [`CheckpointError`] when the note is not a checkpoint of this product, signed by this key.
    pub fn verify(note: &[u8], key: &PublicKey) -> Result<Self, CheckpointError> {
        let claimed = briefcase_tlog::Checkpoint::parse_unverified(note)?;
        let origin = claimed.origin.as_str().parse()?;
        let signed = briefcase_tlog::SignedCheckpoint::verify(note, key)?;
        let checkpoint = ReceiptCheckpoint { origin, size: claimed.size, root: claimed.root };
        Ok(Self { checkpoint, note: signed.note().to_owned() })
    }

    /// The checkpoint.
    #[must_use]
    pub const fn checkpoint(&self) -> &ReceiptCheckpoint {
        &self.checkpoint
    }

    /// The signed note, in the form that is stored and exported.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }
}
