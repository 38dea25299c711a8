//! The journal: the durable, append-only record.

use briefcase_receipts::Receipt;
use briefcase_types::{Digest, ReceiptIndex, SecretName};
use bytes::Bytes;
use tokio::sync::oneshot;

/// Resolves when the entry is on disk, or can never be. Entries become durable in the order in which they were appended.
pub type Durable = oneshot::Receiver<Result<ReceiptIndex, JournalError>>;

/// How soon an entry must reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// A caller waits: start a commit at once, or join the one being gathered.
    Now,
    /// No caller waits yet: commit with the next urgent entry, or alone after a few milliseconds.
    Lazy,
}

/// One entry of the record.
#[derive(Debug)]
pub struct Entry {
    /// The receipt.
    pub receipt: Receipt,
    /// The data that the receipt commits to, as canonical JSON. It is stored sealed beside the receipt, for its owner only.
    pub opening: Option<Bytes>,
}

/// The record could not be written.
///
/// Invariant: after the first failure every later append fails until the store is reopened, so the log has no holes.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The disk is full.
    #[error("the disk that holds the record is full")]
    Full,
    /// The disk or the database rejected the write.
    #[error("the record cannot be written: {0}")]
    Failed(String),
    /// The queue of entries is full.
    #[error("too many entries wait for the disk")]
    Overloaded,
    /// The journal was closed: the daemon shuts down, or the vault was locked.
    #[error("the record is closed")]
    Closed,
}

/// The record: an append-only log with group commit.
pub trait Journal: Send + Sync {
    /// Queues an entry. Never blocks; a full queue resolves to [`JournalError::Overloaded`].
    fn append(&self, entry: Entry, urgency: Urgency) -> Durable;

    /// Queues a change of the authority document together with its receipt, in one transaction.
    ///
    /// `document` is the canonical JSON of the new document. `records` are the vault records and definitions it refers to.
    fn change(&self, receipt: Receipt, document: Bytes, records: Vec<Record>) -> Durable;

    /// Queues a change together with the receipt of the decision that made it. The decision's receipt comes right before the
    /// change's, and one transaction commits both or neither. Resolves to the index of the change.
    fn change_decided(&self, decision: Receipt, receipt: Receipt, document: Bytes, records: Vec<Record>) -> Durable;

    /// Stores the ledger's state as of receipt `upto` (exclusive), so that a start need not replay the whole log.
    fn snapshot(&self, ledger: Bytes, upto: ReceiptIndex);
}

/// Data that an authority change stores beside the document.
#[derive(Debug)]
pub enum Record {
    /// A tool definition, found by its pin.
    Definition {
        /// The pin.
        pin: Digest,
        /// The raw definition.
        raw: Bytes,
    },
    /// A sealed vault record; `None` removes it.
    Secret {
        /// The secret's name.
        name: SecretName,
        /// The sealed bytes.
        sealed: Option<Bytes>,
    },
}
