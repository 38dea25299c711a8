//! Derives the whole state again from the receipts, and reports every contradiction.
//!
//! Invariant: a clean report with an open vault has checked every meaningful byte: each receipt's form and place, each
//! stored hash, each commit's signature, the head, the authority document with its records, the ledger and the
//! openings.
//!
//! The check only reads. It works on a copy, and beside a running daemon.

mod companions;
mod pass;

use std::{path::Path, sync::Arc};

use briefcase_receipts::{
    Receipt,
    checkpoint::{PublicKey, ReceiptCheckpoint, ReceiptLogOrigin},
    commit::CommitmentKey,
};
use briefcase_types::{Digest, ReceiptIndex};

use crate::{Seal, StoreError, head, overlap, schema, state_dir::StateDir, writer_state::load::is_on_record};

/// The inputs of a check. Only the key is required; each further input adds checks.
pub struct FsckOptions<'a> {
    /// The log's public key.
    pub key: PublicKey,
    /// Opens sealed parts.
    pub seal: Option<Arc<dyn Seal>>,
    /// Computes commitments again, to compare openings with receipts.
    pub commitments: Option<&'a CommitmentKey>,
    /// Computes the digest by which change receipts name an authority document.
    pub document_digest: Option<fn(&[u8]) -> Digest>,
    /// Computes the pin of a tool definition.
    pub definition_pin: Option<fn(&[u8]) -> Digest>,
    /// Derives the ledger from the receipts.
    pub ledger: Option<&'a mut dyn LedgerCheck>,
    /// Sees every receipt in order. Its state is not compared.
    pub receipts: Option<&'a mut dyn LedgerCheck>,
    /// Heads from outside the state folder. The record must extend each of them. Only such a head reveals that an older
    /// copy or a fork replaced the whole state folder.
    pub witnessed: Vec<ReceiptCheckpoint>,
    /// The installation and incarnation under which a start opens the record.
    pub origin: Option<ReceiptLogOrigin>,
}

impl FsckOptions<'_> {
    /// Checks everything that the public key alone allows.
    #[must_use]
    pub const fn new(key: PublicKey) -> Self {
        Self {
            key,
            seal: None,
            commitments: None,
            document_digest: None,
            definition_pin: None,
            ledger: None,
            receipts: None,
            witnessed: Vec::new(),
            origin: None,
        }
    }
}

/// Derives the ledger from the receipts, to compare it with the snapshot.
pub trait LedgerCheck {
    /// Applies the next receipt.
    fn apply(&mut self, index: ReceiptIndex, receipt: &Receipt);
    /// Returns the state after the receipts so far, in the form that [`briefcase_ports::Journal::snapshot`] takes.
    fn state(&mut self) -> Vec<u8>;
}

/// The kind of a contradiction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// SQLite reports a damaged file.
    Database,
    /// Tables were added, removed or changed.
    Schema,
    /// Receipts are missing or duplicated.
    Gap,
    /// A row or receipt cannot be read.
    Unreadable,
    /// A receipt is earlier than the one before it.
    Time,
    /// A row's signature is invalid.
    Signature,
    /// A conclusion in a row does not follow from the receipts.
    Conclusion,
    /// A stored hash does not follow from the receipts.
    Hash,
    /// The record's incarnations contradict its signatures.
    Life,
    /// One of the two heads in the file `head` is invalid.
    HeadSlot,
    /// No valid head exists.
    HeadMissing,
    /// The record is older than its head.
    RolledBack,
    /// The record differs from the signed one.
    Forked,
    /// The authority document is not the newest one recorded.
    Authority,
    /// A definition or secret is not the one recorded.
    Record,
    /// The authority document, a definition, a secret or the ledger is not the one that was signed.
    Companion,
    /// Reads were sent before the record failed, and are not on record yet.
    Unrecorded,
    /// A file beside the record is not the one that the daemon opened or wrote.
    File,
    /// The ledger does not follow from the receipts.
    Ledger,
    /// An opening does not open, or contradicts the receipt's commitment.
    Opening,
}

impl Fault {
    /// Returns the next step for a person.
    #[must_use]
    pub const fn next(self) -> &'static str {
        match self {
            Self::HeadSlot => "after a power cut this is expected: start briefcased once, which writes it again",
            Self::Ledger => {
                "keep the files for an inquiry; deleting the row `ledger` makes the next start derive it again"
            }
            Self::Unrecorded => "start briefcased once, which records these reads and counts them as spent",
            Self::Opening => "the receipts stay valid; the values behind the opening are lost",
            _ => "keep the files for an inquiry, and restore a backup with `briefcase restore`",
        }
    }
}

/// One contradiction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind.
    pub fault: Fault,
    /// The receipt that the finding concerns.
    pub index: Option<ReceiptIndex>,
    /// The description.
    pub what: String,
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// The number of receipts in the record.
    pub size: u64,
    /// The root over all receipts.
    pub root: Option<Digest>,
    /// The contradictions; empty for a consistent record.
    pub findings: Vec<Finding>,
    /// The parts that the given inputs could not check.
    pub unchecked: Vec<&'static str>,
}

/// The maximum number of listed findings.
const MOST: usize = 1000;

impl FsckReport {
    fn find(&mut self, fault: Fault, index: Option<u64>, what: impl Into<String>) {
        if self.findings.len() < MOST {
            self.findings.push(Finding { fault, index: index.map(ReceiptIndex), what: what.into() });
        }
    }
}

/// Reports the reads that were sent and are not on record.
fn overlap(
    folder: &StateDir,
    connection: &rusqlite::Connection,
    options: &FsckOptions<'_>,
    seen: &pass::Seen,
    report: &mut FsckReport,
) -> Result<(), StoreError> {
    let Some(left) = overlap::left_behind(folder, options.seal.as_deref())? else {
        if seen.companions.is_some() {
            report.find(
                Fault::Unrecorded,
                None,
                "the file `overlap` is missing, which lists reads before their record",
            );
        }
        return Ok(());
    };
    let (mut open, mut unknown) = (0_u64, left.unknown);
    for slot in &left.slots {
        let intent = options.seal.as_deref().map_or_else(|| slot.unverified(), |seal| slot.intent(seal));
        if intent.is_none() {
            unknown = unknown.saturating_add(1);
        } else if !is_on_record(connection, slot.from, &slot.body)? {
            open = open.saturating_add(1);
        }
    }
    if open > 0 {
        report.find(Fault::Unrecorded, None, format!("{open} reads were sent, and their intents are not on record"));
    }
    if unknown > 0 {
        let what = format!("at most {unknown} reads may have been sent without a record, and their intents are lost");
        report.find(Fault::Unrecorded, None, what);
    }
    Ok(())
}

/// Checks a state folder. SQLite writes an index of its write-ahead log beside the database, so the folder must be
/// writable: copy it from a read-only medium first. The database and the log are not written.
///
/// # Errors
/// [`StoreError`] when the database is missing or the folder is not private. A damaged database is a finding.
pub fn fsck(path: &Path, mut options: FsckOptions<'_>) -> Result<FsckReport, StoreError> {
    let folder = StateDir::for_reading(path)?;
    let mut report = FsckReport::default();
    // Read before the database: every head in the file was durable by then.
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
        overlap(&folder, &connection, &options, &seen, &mut report)?;
        companions::run(&connection, &options, heads.as_ref(), &seen, &mut report)
    });
    match checked {
        Ok(()) => {}
        Err(error @ StoreError::Newer { .. }) => return Err(error),
        Err(error) => report.find(Fault::Database, None, error.to_string()),
    }
    Ok(report)
}
