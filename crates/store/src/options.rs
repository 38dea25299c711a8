//! What the store must be told when it is opened, and what it tells back.

use std::sync::Arc;

use briefcase_receipts::{
    Intent,
    checkpoint::{PublicKey, ReceiptLogOrigin, SignedReceiptCheckpoint},
};
use briefcase_types::{ReceiptIndex, UnixMillis};

use crate::{CheckpointSigner, Seal};

/// Which state is expected in the folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpectedState {
    /// A record is there; an empty folder is refused, so that deleting the files does not start a new history in silence.
    #[default]
    Existing,
    /// A record is there, or nothing at all: then an empty one is made. For `init`.
    ExistingOrNew,
    /// A restored backup: `head` may be missing and the record may belong to an older incarnation. For `restore` only.
    Restored,
}

/// How to open a [`crate::Store`].
pub struct OpenOptions {
    /// The installation and its current incarnation.
    pub origin: ReceiptLogOrigin,
    /// The log's public key.
    pub key: PublicKey,
    /// The log's private key.
    pub signer: Box<dyn CheckpointSigner>,
    /// What seals openings, the authority document and the ledger.
    pub seal: Arc<dyn Seal>,
    /// What must be in the folder.
    pub expect: ExpectedState,
    /// How carefully to wait for the disk.
    pub durability: Durability,
    /// How large the write-ahead log grows before it is moved into the database, in bytes; [`LOG_LIMIT`] in the daemon.
    pub log_limit: usize,
}

/// Large enough that a page is rarely written twice, small enough to be read back in milliseconds after a crash.
pub const LOG_LIMIT: usize = 4 * 1024 * 1024;

/// How carefully to wait for the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Every acknowledged entry survives a power cut. What the daemon uses.
    #[default]
    Full,
    /// Acknowledges before the disk did. Loses entries in a power cut: exists so that the durability tests can show that
    /// they would notice.
    Careless,
}

/// What was found on opening.
#[derive(Debug)]
pub struct Opened {
    /// How many receipts there are.
    pub size: u64,
    /// The newest receipt's time: the clock must not go below it. `None` for an empty record.
    pub newest: Option<UnixMillis>,
    /// The head as it is now, signed.
    pub head: SignedReceiptCheckpoint,
    /// Receipts that were durable but not yet in the file `head` (a crash between the two).
    pub recovered: u64,
    /// Whether the record was made now.
    pub created: bool,
    /// Intents without an outcome: the daemon died in between. To be answered with `Reconcile` receipts.
    pub orphans: Vec<Orphan>,
}

/// An intent without an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Its place.
    pub index: ReceiptIndex,
    /// When it was made.
    pub at: UnixMillis,
    /// What was about to happen.
    pub intent: Intent,
}
