//! The journal: the durable, append-only record.

use std::{fmt, sync::Arc};

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
    /// The file system is read-only, or the file may not be written.
    #[error("the file system that holds the record is read-only")]
    ReadOnly,
    /// A limit on the size of files was reached.
    #[error("a file of the record reached the limit that the system sets on file sizes")]
    TooLarge,
    /// The device reported an error.
    #[error("the disk that holds the record reported an I/O error: {0}")]
    Io(String),
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

impl JournalError {
    /// Returns the next step for a person.
    #[must_use]
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::Full => "Free disk space in the state folder's file system, then restart `briefcased`.",
            Self::ReadOnly => "Make the state folder's file system writable again, then restart `briefcased`.",
            Self::TooLarge => {
                "Free disk space, or raise the limit on file sizes (`ulimit -f`), then restart `briefcased`."
            }
            Self::Io(_) => {
                "Check the disk (`dmesg`), copy the state folder to a healthy one, then restart `briefcased`."
            }
            Self::Overloaded => "Try again in a moment.",
            Self::Closed => "Unlock the briefcase or start `briefcased`, then try again.",
            Self::Failed(_) => "Free disk space or repair the state folder, then restart `briefcased`.",
        }
    }
}

/// The maximum number of reads that run beside the commit of their intent. After the machine lost power, this many reads
/// may be missing in the record, so a budget with fewer calls left lets no read run beside its commit.
pub const OVERLAPPING_READS: u16 = 32;

/// How the intent of a read goes on record.
#[derive(Debug)]
pub enum Overlap {
    /// The read may run beside the commit of its intent. When the commit fails, the next start records the intent.
    Beside(Durable),
    /// The read waits for the commit of its intent.
    First(Durable),
}

/// Whether a call may still be sent. The adapter asks immediately before it sends.
///
/// Invariant: no sending begins after a failed write of the record was noticed. A read whose sending had begun has its
/// intent in a slot, so the next start records it.
#[derive(Clone)]
pub struct SendGate(Option<Arc<dyn Journal>>);

impl SendGate {
    /// Makes the gate of a record.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        Self(Some(journal))
    }

    /// Makes a gate that belongs to no record and lets everything pass: for tests of an adapter alone.
    #[must_use]
    pub const fn without_record() -> Self {
        Self(None)
    }

    /// Returns whether the record can still be written.
    ///
    /// # Errors
    /// The reason why it cannot.
    pub fn check(&self) -> Result<(), JournalError> {
        self.0.as_ref().and_then(|journal| journal.failure()).map_or(Ok(()), Err)
    }
}

impl fmt::Debug for SendGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendGate").finish_non_exhaustive()
    }
}

/// The record: an append-only log with group commit.
pub trait Journal: Send + Sync {
    /// Queues an entry. Never blocks; a full queue resolves to [`JournalError::Overloaded`].
    fn append(&self, entry: Entry, urgency: Urgency) -> Durable;

    /// Queues the intent of a read that may run before its commit. A journal that cannot make up for a failed commit
    /// answers [`Overlap::First`].
    fn append_beside(&self, entry: Entry) -> Overlap {
        Overlap::First(self.append(entry, Urgency::Now))
    }

    /// Returns the reason why nothing can be recorded any more; `None` while the journal works.
    fn failure(&self) -> Option<JournalError> {
        None
    }

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
