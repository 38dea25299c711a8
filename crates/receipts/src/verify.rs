//! The offline check of an exported record (promise P7).
//!
//! Invariant: [`verify`] succeeds only if every receipt is the one that was signed for, in the order and number that were
//! signed for, and the receipts tell a story that can be true. It reads the export once, in order, and keeps one bundle,
//! one tile per level and the calls in flight; its memory does not grow with the log.
//!
//! What it cannot know: whether a daemon that was itself corrupted recorded everything, and, without an older head or a
//! witness, whether a newer history was cut off and an older signed head put back.

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

/// What was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// The signed head.
    pub checkpoint: ReceiptCheckpoint,
    /// What the receipts say in sum.
    pub summary: Summary,
    /// The older head that this log continues, when one was given.
    pub continues: Option<ReceiptCheckpoint>,
}

/// The record was changed, or could not be checked. `index` is the first receipt that is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A file could not be read.
    #[error("`{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// There is no signed head.
    #[error("there is no `checkpoint` file: this is not an exported record")]
    NoCheckpoint,
    /// The head is not signed by the key.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The log ends before the signed head does, or a piece is missing.
    #[error("receipt r{index} is missing: the signed head covers {size} receipts")]
    Missing {
        /// The first missing receipt.
        index: u64,
        /// How many the head covers.
        size: u64,
    },
    /// There is more in a bundle than the signed head covers.
    #[error("there is something after receipt r{index} that was not signed for")]
    Surplus {
        /// The last receipt that belongs there.
        index: u64,
    },
    /// The receipt's bytes are not those that were hashed.
    #[error("receipt r{index} was changed, moved or put in: it is not what the log's hashes say")]
    Changed {
        /// The receipt.
        index: u64,
    },
    /// The receipt is not one.
    #[error("receipt r{index} is not a receipt: {source}")]
    Form {
        /// The receipt.
        index: u64,
        /// Why.
        source: FormError,
    },
    /// The receipts contradict each other.
    #[error("receipt r{index} contradicts the ones before it: {contradiction}")]
    Story {
        /// The receipt.
        index: u64,
        /// How.
        contradiction: Contradiction,
    },
    /// A tile of hashes is missing or is not what follows from the receipts.
    #[error("the hashes in `{path}` do not follow from the receipts (r{index} on)")]
    Tile {
        /// The file.
        path: String,
        /// The first receipt it covers.
        index: u64,
    },
    /// Receipts and hashes agree, but not with the signature: the history was rewritten.
    #[error("the history was rewritten: {size} receipts do not have the root that was signed")]
    Forged {
        /// How many receipts.
        size: u64,
    },
    /// The known head is of another log.
    #[error("the known head is of another installation's log")]
    OtherLog,
    /// The log is shorter than it once was.
    #[error("the log was rolled back: it has {size} receipts and once had {known}")]
    RolledBack {
        /// How many it has.
        size: u64,
        /// How many it had.
        known: u64,
    },
    /// The log does not continue the known head: one of the receipts before it is another.
    #[error("the log was forked: its first {known} receipts are not those of the known head")]
    Forked {
        /// The known size.
        known: u64,
    },
}

impl VerifyError {
    /// The first receipt that is wrong, where that can be told.
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

/// Verifies an exported record in a folder.
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

/// Verifies an exported record against the log's public key. With `known`, a head that was seen (and verified) earlier,
/// it also shows that the log continues that one.
///
/// # Errors
/// [`VerifyError`] with the first thing that is wrong.
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
    /// Checks the receipts of one bundle, each first against the lowest tile, so that the first wrong one is named.
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

    /// Compares a derived tile with the one in the export.
    fn tile(&self, tile: &Tile) -> Result<(), VerifyError> {
        let path = tile.path();
        if read(self.source, &path)?.is_some_and(|bytes| bytes == tile.bytes()) {
            return Ok(());
        }
        let covers = (0..=tile.level).fold(tile.number, |number, _| number.saturating_mul(WIDTH));
        Err(VerifyError::Tile { path, index: covers })
    }

    /// Compares the root with the known head's as the log passes its size.
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
