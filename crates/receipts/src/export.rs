//! Writes receipts in the C2SP tlog-tiles layout, for anyone to verify.
//!
//! Invariant: the export is the signed log. The tiles are derived from the receipts. The signed checkpoint is written
//! last, and only if it covers exactly these receipts.

use std::io;

pub use briefcase_tlog::FileSink;
use briefcase_tlog::tiles::{CHECKPOINT, Tiler, WIDTH, append_entry, bundle_path};

use crate::{
    checkpoint::SignedReceiptCheckpoint,
    merkle::{Frontier, leaf_hash},
};

/// A source of encoded receipts.
pub trait Entries {
    /// Returns `count` receipts from index `from` on, in order.
    ///
    /// # Errors
    /// Any error of the store, such as a missing receipt.
    fn read(&self, from: u64, count: u64) -> io::Result<Vec<Vec<u8>>>;
}

/// Receipts held in memory.
impl Entries for [Vec<u8>] {
    fn read(&self, from: u64, count: u64) -> io::Result<Vec<Vec<u8>>> {
        let place = |index: u64| usize::try_from(index).map_err(io::Error::other);
        let range = place(from)?..place(from.saturating_add(count))?;
        self.get(range).map(<[_]>::to_vec).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// The export failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The receipts could not be read.
    #[error("the receipts cannot be read: {0}")]
    Read(#[source] io::Error),
    /// The destination could not be written.
    #[error("the export cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The store returned a wrong number of receipts, or one that is too long.
    #[error("receipt r{index} cannot be exported")]
    Receipt {
        /// The index of the receipt.
        index: u64,
    },
    /// The receipts are not those of the signed checkpoint.
    #[error("the receipts are not those of the signed checkpoint; run `briefcase fsck`")]
    NotSigned,
}

/// Exports the log up to a signed checkpoint.
///
/// # Errors
/// [`ExportError`]. A destination without the file `checkpoint` is not an export.
pub fn export<E, S>(entries: &E, head: &SignedReceiptCheckpoint, sink: &mut S) -> Result<(), ExportError>
where
    E: Entries + ?Sized,
    S: FileSink + ?Sized,
{
    let size = head.checkpoint().size;
    let (mut tiler, mut frontier) = (Tiler::default(), Frontier::new());
    for number in 0..size.div_ceil(WIDTH) {
        let from = number * WIDTH;
        let width = (size - from).min(WIDTH);
        let receipts = entries.read(from, width).map_err(ExportError::Read)?;
        if u64::try_from(receipts.len()) != Ok(width) {
            return Err(ExportError::Receipt { index: from });
        }
        let mut bundle = Vec::new();
        for (receipt, index) in receipts.iter().zip(from..) {
            append_entry(&mut bundle, receipt).ok_or(ExportError::Receipt { index })?;
            let leaf = leaf_hash(receipt);
            frontier.append(leaf);
            for tile in tiler.push(leaf) {
                sink.write(&tile.path(), &tile.bytes()).map_err(ExportError::Write)?;
            }
        }
        sink.write(&bundle_path(number, width), &bundle).map_err(ExportError::Write)?;
    }
    for tile in tiler.finish() {
        sink.write(&tile.path(), &tile.bytes()).map_err(ExportError::Write)?;
    }
    if frontier.root() != head.checkpoint().root {
        return Err(ExportError::NotSigned);
    }
    sink.write(CHECKPOINT, head.note().as_bytes()).map_err(ExportError::Write)
}
