//! The inputs and the result of opening the store.

use std::sync::Arc;

use briefcase_receipts::{
    Intent,
    checkpoint::{PublicKey, ReceiptLogOrigin, SignedReceiptCheckpoint},
};
use briefcase_types::{ReceiptIndex, UnixMillis};

use crate::{CheckpointSigner, Seal};

/// The state that is expected in the folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpectedState {
    /// A record exists. An empty folder is rejected, so deleted files do not silently start a new history.
    #[default]
    Existing,
    /// A record exists, or the folder is empty and an empty record is created. For `init`.
    ExistingOrNew,
    /// A backup was restored: `head` may be missing and the record may belong to an older incarnation. For `restore`
    /// only.
    Restored,
}

/// The options for opening a [`crate::Store`].
pub struct OpenOptions {
    /// The installation and its current incarnation.
    pub origin: ReceiptLogOrigin,
    /// The log's public key.
    pub key: PublicKey,
    /// The log's private key.
    pub signer: Box<dyn CheckpointSigner>,
    /// Seals openings, the authority document and the ledger.
    pub seal: Arc<dyn Seal>,
    /// The expected state of the folder.
    pub expect: ExpectedState,
    /// The durability of an acknowledged entry.
    pub durability: Durability,
    /// The size in bytes at which the write-ahead log is moved into the database; [`LOG_LIMIT`] in the daemon.
    pub log_limit: usize,
}

/// The daemon's limit for the write-ahead log: so large that a page is rarely written twice, so small that it is read
/// back in milliseconds after a crash.
pub const LOG_LIMIT: usize = 4 * 1024 * 1024;

/// The durability of an acknowledged entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Every acknowledged entry survives a power cut. The daemon uses this.
    #[default]
    Full,
    /// Entries are acknowledged before they are on disk, so a power cut loses some. Only for the durability tests, to
    /// show that they detect a loss.
    Careless,
}

/// The result of opening the store.
#[derive(Debug)]
pub struct Opened {
    /// The number of receipts.
    pub size: u64,
    /// The newest receipt's time, which is the minimum for the clock. `None` for an empty record.
    pub newest: Option<UnixMillis>,
    /// The present signed head.
    pub head: SignedReceiptCheckpoint,
    /// The number of durable receipts that were missing in the file `head` after a crash between the two.
    pub recovered: u64,
    /// Whether the record was created now.
    pub created: bool,
    /// The intents without an outcome, from calls that a crash interrupted. The daemon closes them with `Reconcile`
    /// receipts.
    pub orphans: Vec<Orphan>,
    /// The number of reads that were sent before the record failed, and whose intents were recorded now. They are among
    /// the orphans.
    pub unrecorded: u64,
    /// The maximum number of reads that were sent and whose intents are lost. A notice records the number.
    pub unknown: u64,
}

/// An intent without an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The intent's index.
    pub index: ReceiptIndex,
    /// The intent's time.
    pub at: UnixMillis,
    /// The intent.
    pub intent: Intent,
}
