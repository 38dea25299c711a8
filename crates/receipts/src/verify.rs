//! The offline verification of exported receipts (promise P7).
//!
//! Invariant: [`verify`] succeeds only if every receipt is the signed one, in the signed order and number, and the
//! receipts do not contradict each other. It reads the export once, in order, and keeps one bundle, one tile per level
//! and the calls in flight. Its memory does not grow with the log.
//!
//! Limits: it cannot tell whether a compromised daemon recorded everything. Without an older checkpoint or a witness,
//! it cannot tell whether a newer history was cut off and an older signed checkpoint put back.

mod replay;

use std::{io, path::PathBuf};

pub use briefcase_tlog::FileSource;
use briefcase_tlog::{
    LogFolder,
    tiles::{CHECKPOINT, EntryBundle, FILE_MAX, Tile, Tiler, WIDTH, bundle_path, tile_path},
};
use briefcase_types::Digest;
pub use replay::{Contradiction, Replay, Summary};

use crate::{
    checkpoint::{CheckpointError, PublicKey, ReceiptCheckpoint, SignedReceiptCheckpoint},
    form::FormError,
};

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// The signed checkpoint.
    pub checkpoint: ReceiptCheckpoint,
    /// The totals of the receipts.
    pub summary: Summary,
    /// The older checkpoint that this log continues, if one was given.
    pub continues: Option<ReceiptCheckpoint>,
}

/// The export was changed, or could not be verified. `index` is the first wrong receipt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A file could not be read.
    #[error("`{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The signed checkpoint is missing.
    #[error("there is no `checkpoint` file: this is not an export of receipts")]
    NoCheckpoint,
    /// The key did not sign the checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The log is shorter than its checkpoint, or a piece is missing.
    #[error("receipt r{index} is missing: the signed checkpoint covers {size} receipts")]
    Missing {
        /// The first missing receipt.
        index: u64,
        /// The number of receipts that the checkpoint covers.
        size: u64,
    },
    /// A bundle contains more than the checkpoint covers.
    #[error("the export has data after receipt r{index} that is not signed")]
    Surplus {
        /// The last receipt that belongs there.
        index: u64,
    },
    /// The bytes of the receipt do not have the recorded hash.
    #[error("receipt r{index} was changed, moved or inserted: its hash is not that of the log")]
    Changed {
        /// The receipt.
        index: u64,
    },
    /// The entry is not a receipt.
    #[error("receipt r{index} is not a receipt: {source}")]
    Form {
        /// The index.
        index: u64,
        /// The cause.
        source: FormError,
    },
    /// The receipts contradict each other.
    #[error("receipt r{index} contradicts the ones before it: {contradiction}")]
    Story {
        /// The receipt.
        index: u64,
        /// The contradiction.
        contradiction: Contradiction,
    },
    /// A tile of hashes is missing, or contradicts the receipts.
    #[error("the hashes in `{path}` do not follow from the receipts (r{index} on)")]
    Tile {
        /// The file.
        path: String,
        /// The first receipt it covers.
        index: u64,
    },
    /// Receipts and hashes match each other, but not the signature: the history was rewritten.
    #[error("the history was rewritten: {size} receipts do not have the root that was signed")]
    Forged {
        /// The number of receipts.
        size: u64,
    },
    /// The known checkpoint is of another log.
    #[error("the known checkpoint is of another installation's log")]
    OtherLog,
    /// The log is shorter than before.
    #[error("the log was rolled back: it has {size} receipts and once had {known}")]
    RolledBack {
        /// Its number of receipts.
        size: u64,
        /// Its number of receipts before.
        known: u64,
    },
    /// The log does not continue the known checkpoint: one of its receipts differs.
    #[error("the log was forked: its first {known} receipts are not those of the known checkpoint")]
    Forked {
        /// The known size.
        known: u64,
    },
}

impl VerifyError {
    /// The first wrong receipt, where it is known.
    #[must_use]
    pub const fn index(&self) -> Option<u64> {
        match self {
            Self::Missing { index, .. }
            | Self::Surplus { index }
            | Self::Changed { index }
            | Self::Form { index, .. }
            | Self::Story { index, .. }
            | Self::Tile { index, .. } => Some(*index),
            _ => None,
        }
    }
}

/// Verifies exported receipts in a folder.
///
/// # Errors
/// As [`verify`].
pub fn verify_folder(
    path: impl Into<PathBuf>,
    key: &PublicKey,
    known: Option<ReceiptCheckpoint>,
) -> Result<VerifyReport, VerifyError> {
    verify(&LogFolder::new(path), key, known)
}

/// Verifies exported receipts against the log's public key. With `known`, an earlier verified checkpoint, also verifies
/// that the log continues it.
///
/// # Errors
/// [`VerifyError`] from the first check that fails.
pub fn verify<S: FileSource + ?Sized>(
    source: &S,
    key: &PublicKey,
    known: Option<ReceiptCheckpoint>,
) -> Result<VerifyReport, VerifyError> {
    let note = read(source, CHECKPOINT)?.ok_or(VerifyError::NoCheckpoint)?;
    let checkpoint = SignedReceiptCheckpoint::verify(&note, key)?.checkpoint().clone();
    if let Some(known) = &known {
        if checkpoint.origin.install() != known.origin.install() {
            return Err(VerifyError::OtherLog);
        }
        if checkpoint.size < known.size {
            return Err(VerifyError::RolledBack { size: checkpoint.size, known: known.size });
        }
    }
    let mut pass =
        Pass { source, known: known.as_ref(), size: checkpoint.size, tiler: Tiler::default(), replay: Replay::new() };
    pass.check_known()?;
    for number in 0..checkpoint.size.div_ceil(WIDTH) {
        pass.bundle(number)?;
    }
    let summary = pass.finish(&checkpoint.root)?;
    Ok(VerifyReport { checkpoint, summary, continues: known })
}

fn read<S: FileSource + ?Sized>(source: &S, path: &str) -> Result<Option<Vec<u8>>, VerifyError> {
    source.read(path, FILE_MAX).map_err(|source| VerifyError::Read { path: path.to_owned(), source })
}

/// One pass over an export.
struct Pass<'a, S: ?Sized> {
    source: &'a S,
    known: Option<&'a ReceiptCheckpoint>,
    size: u64,
    tiler: Tiler,
    replay: Replay,
}

impl<S: FileSource + ?Sized> Pass<'_, S> {
    /// Checks the receipts of one bundle, each first against the lowest tile, so that the error names the first wrong
    /// one.
    fn bundle(&mut self, number: u64) -> Result<(), VerifyError> {
        let from = number * WIDTH;
        let width = (self.size - from).min(WIDTH);
        let missing = |index| VerifyError::Missing { index, size: self.size };
        let bytes = read(self.source, &bundle_path(number, width))?.ok_or(missing(from))?;
        let path = tile_path(0, number, width);
        let tile = read(self.source, &path)?.ok_or(VerifyError::Tile { path: path.clone(), index: from })?;
        let (hashes, rest) = tile.as_chunks::<32>();
        if !rest.is_empty() || u64::try_from(hashes.len()) != Ok(width) {
            return Err(VerifyError::Tile { path, index: from });
        }
        let mut bundle = EntryBundle(&bytes);
        for (hash, index) in hashes.iter().zip(from..) {
            let entry = bundle.next().ok_or(missing(index))?;
            let leaf = self.replay.push_expecting(entry, &Digest::from_bytes(*hash))?;
            let tiles = self.tiler.push(leaf);
            tiles.iter().try_for_each(|tile| self.tile(tile))?;
            self.check_known()?;
        }
        let last = (from + width).saturating_sub(1);
        if bundle.0.is_empty() { Ok(()) } else { Err(VerifyError::Surplus { index: last }) }
    }

    /// Compares a derived tile with the exported one.
    fn tile(&self, tile: &Tile) -> Result<(), VerifyError> {
        let path = tile.path();
        if read(self.source, &path)?.is_some_and(|bytes| bytes == tile.bytes()) {
            return Ok(());
        }
        let covers = (0..=tile.level).fold(tile.number, |number, _| number.saturating_mul(WIDTH));
        Err(VerifyError::Tile { path, index: covers })
    }

    /// Compares the root with that of the known checkpoint when the log reaches its size.
    fn check_known(&self) -> Result<(), VerifyError> {
        match self.known {
            Some(known) if known.size == self.replay.size() && known.root != self.replay.root() => {
                Err(VerifyError::Forked { known: known.size })
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self, root: &Digest) -> Result<Summary, VerifyError> {
        for tile in std::mem::take(&mut self.tiler).finish() {
            self.tile(&tile)?;
        }
        if self.replay.root() == *root {
            Ok(self.replay.summary())
        } else {
            Err(VerifyError::Forged { size: self.size })
        }
    }
}
