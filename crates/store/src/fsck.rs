//! Derives everything again from the receipts, and says what does not fit.
//!
//! Invariant: after a clean report with a vault at hand, every byte that means something was checked: each receipt's form
//! and place, each stored hash, each commit's signature, the head, the authority document and what it refers to, the
//! ledger and the openings. Reads only; works on a copy, and beside a running daemon.

mod companions;
mod pass;

use std::{path::Path, sync::Arc};

use briefcase_receipts::{
    Receipt,
    checkpoint::{PublicKey, ReceiptCheckpoint},
    commit::CommitmentKey,
};
use briefcase_types::{Digest, ReceiptIndex};

use crate::{Seal, StoreError, head, schema, state_dir::StateDir};

/// What to check against. Only the key is needed; the more is given, the more is checked.
pub struct FsckOptions<'a> {
    /// The log's public key.
    pub key: PublicKey,
    /// Opens what is sealed.
    pub seal: Option<Arc<dyn Seal>>,
    /// Makes commitments again, to compare openings with receipts.
    pub commitments: Option<&'a CommitmentKey>,
    /// How change receipts name an authority document.
    pub document_digest: Option<fn(&[u8]) -> Digest>,
    /// How a tool definition is pinned.
    pub definition_pin: Option<fn(&[u8]) -> Digest>,
    /// Derives the ledger from the receipts.
    pub ledger: Option<&'a mut dyn LedgerCheck>,
    /// Heads that were kept elsewhere: the record must continue each of them. This alone shows that a whole state folder
    /// was replaced by an older copy of itself, or by a fork.
    pub witnessed: Vec<ReceiptCheckpoint>,
}

impl FsckOptions<'_> {
    /// Checks what can be checked with the public key alone.
    #[must_use]
    pub const fn new(key: PublicKey) -> Self {
        Self {
            key,
            seal: None,
            commitments: None,
            document_digest: None,
            definition_pin: None,
            ledger: None,
            witnessed: Vec::new(),
        }
    }
}

/// Derives the ledger from the receipts, to compare it with the snapshot.
pub trait LedgerCheck {
    /// Takes the next receipt.
    fn apply(&mut self, index: ReceiptIndex, receipt: &Receipt);
    /// The state after the receipts so far, as [`briefcase_ports::Journal::snapshot`] would get it.
    fn state(&mut self) -> Vec<u8>;
}

/// What kind of thing does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// SQLite finds the file damaged.
    Database,
    /// Tables were added, removed or changed.
    Schema,
    /// Receipts are missing, or stand twice.
    Gap,
    /// A row or receipt cannot be read.
    Unreadable,
    /// A receipt is earlier than the one before it.
    Time,
    /// A row was not signed by the log's key as it is.
    Signature,
    /// What a row concludes does not follow from the receipts.
    Conclusion,
    /// A stored hash does not follow from the receipts.
    Hash,
    /// The lives of the record do not fit it.
    Life,
    /// One of the two heads in the file `head` does not hold.
    HeadSlot,
    /// There is no head that holds.
    HeadMissing,
    /// The record is older than its head.
    RolledBack,
    /// The record is not the one that was signed.
    Forked,
    /// The authority document is not the newest one recorded.
    Authority,
    /// A definition or secret is not the one recorded.
    Record,
    /// The ledger does not follow from the receipts.
    Ledger,
    /// An opening does not open, or not to what the receipt commits to.
    Opening,
}

impl Fault {
    /// What a person does next.
    #[must_use]
    pub const fn next(self) -> &'static str {
        match self {
            Self::HeadSlot => "after a power cut this is expected: start briefcased once, which writes it again",
            Self::Ledger => {
                "keep the files for an inquiry; deleting the row `ledger` makes the next start derive it again"
            }
            Self::Opening => "the receipts stand; what the opening showed is lost",
            _ => "keep the files for an inquiry, and restore a backup with `briefcase restore`",
        }
    }
}

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of which kind.
    pub fault: Fault,
    /// At which receipt, where there is one.
    pub index: Option<ReceiptIndex>,
    /// In words.
    pub what: String,
}

/// What was checked and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// Receipts in the record.
    pub size: u64,
    /// The root over them.
    pub root: Option<Digest>,
    /// What does not fit. Empty is good.
    pub findings: Vec<Finding>,
    /// What could not be checked with what was given.
    pub unchecked: Vec<&'static str>,
}

/// No more findings than this are listed.
const MOST: usize = 1000;

impl FsckReport {
    fn find(&mut self, fault: Fault, index: Option<u64>, what: impl Into<String>) {
        if self.findings.len() < MOST {
            self.findings.push(Finding { fault, index: index.map(ReceiptIndex), what: what.into() });
        }
    }
}

/// Checks a state folder. SQLite keeps an index of its write-ahead log beside the database, so the folder must be writable
/// (copy it from a read-only medium first); the database and the log are not written.
///
/// # Errors
/// [`StoreError`] when there is nothing to check, or the folder is not safe to use. A damaged database is a finding.
pub fn fsck(path: &Path, mut options: FsckOptions<'_>) -> Result<FsckReport, StoreError> {
    let folder = StateDir::for_reading(path)?;
    let mut report = FsckReport::default();
    // Before the database: what is in the file was durable by then.
    let heads = head::slots(&folder, &options.key)?;
    if !folder.database().exists() {
        return Err(StoreError::Missing(path.to_owned()));
    }
    let checked = schema::reader(&folder.database()).and_then(|connection| {
        connection.execute_batch("BEGIN")?;
        let intact: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if intact != "ok" {
            report.find(Fault::Database, None, intact);
        }
        match schema::check(&connection) {
            Ok(()) => {}
            Err(error @ (StoreError::StateTampered { .. } | StoreError::Damaged { .. })) => {
                report.find(Fault::Schema, None, error.to_string());
            }
            Err(error) => return Err(error),
        }
        let seen = pass::run(&connection, &mut options, heads.as_ref(), &mut report)?;
        companions::run(&connection, &options, heads.as_ref(), &seen, &mut report)
    });
    match checked {
        Ok(()) => {}
        Err(error @ StoreError::Newer { .. }) => return Err(error),
        Err(error) => report.find(Fault::Database, None, error.to_string()),
    }
    Ok(report)
}
