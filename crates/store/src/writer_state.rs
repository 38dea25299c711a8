//! The state in the writer's memory, and one commit.
//!
//! Invariant: the value describes exactly the durable state. A commit becomes durable as a whole, or fails; after a
//! failure the value must not be used again ([`crate::Store::reopen`] reads the state back from the disk).

pub(crate) mod load;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use briefcase_ports::{Entry, JournalError, Record};
use briefcase_receipts::{
    ChangeReceipt, Kind, Receipt,
    checkpoint::{PublicKey, ReceiptCheckpoint, ReceiptLogOrigin, SignedReceiptCheckpoint},
    merkle::{Frontier, leaf_hash},
};
use briefcase_types::{Digest, ReceiptIndex, UnixMillis};
use bytes::Bytes;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::{
    CheckpointSigner, Durability, Place, Seal, StoreError,
    batch::{Batch, ROW_ENTRIES, join_openings, pack},
    calls::OpenCalls,
    head::{HeadFile, Heads},
    overlap::Slot,
    records::Records,
    rows::{self, AuthorityRow},
};

/// The store's identity and its means to sign and seal.
pub(crate) struct Keys {
    pub origin: ReceiptLogOrigin,
    pub key: PublicKey,
    pub signer: Box<dyn CheckpointSigner>,
    pub seal: Arc<dyn Seal>,
    pub durability: Durability,
    pub log_limit: usize,
}

/// The sender of an entry's result.
pub(crate) type ReplySender = oneshot::Sender<Result<ReceiptIndex, JournalError>>;

/// Work that is to become durable.
pub(crate) enum Work {
    /// An entry of the log.
    Append(Entry),
    /// The intent of a read that runs meanwhile, and the slot that has it until it is durable.
    Beside(Entry, Slot),
    /// A change of the authority document.
    Change(Receipt, Document),
    /// A change of the authority document right behind the receipt of its decision.
    Decided(Box<Receipt>, Receipt, Document),
}

/// The authority document and its records.
pub(crate) struct Document {
    pub bytes: Bytes,
    pub records: Vec<Record>,
}

/// An entry that can be written.
pub(crate) struct Line {
    receipt: Receipt,
    body: Vec<u8>,
    opening: Option<Bytes>,
    document: Option<Document>,
    /// `None` for a line whose companion carries the reply.
    pub reply: Option<ReplySender>,
    /// The slot that is emptied when the line is durable.
    pub slot: Option<Slot>,
}

/// The ledger's state after the receipts before `upto`.
pub(crate) struct LedgerSnapshot {
    pub state: Bytes,
    pub upto: ReceiptIndex,
}

pub(crate) struct WriterState {
    connection: Connection,
    head: HeadFile,
    heads: Arc<Heads>,
    keys: Arc<Keys>,
    frontier: Frontier,
    newest: UnixMillis,
    /// The time that a person accepted in this run, and when.
    clock_set: Option<(Instant, UnixMillis)>,
    /// The index of the newest change of the authority document, and its version.
    change: Option<(u64, u64)>,
    /// The first receipt that is not in the newest ledger snapshot.
    ledger: Option<u64>,
    open: OpenCalls,
    records: Records,
    /// The digest of the rows beside the log: authority documents, definitions, secrets and ledger.
    companions: Digest,
    /// The approximate bytes in the write-ahead log.
    pending: usize,
}

/// The bytes of the pages that a commit changes in addition to those it fills.
const COMMIT_OVERHEAD: usize = 6 * 1048;

impl WriterState {
    fn times(&self) -> Times {
        let set = self.clock_set.filter(|(since, _)| since.elapsed() < CLOCK_SETTLES);
        let latest = set.map_or(UnixMillis(u64::MAX), |(_, at)| at.plus(CLOCK_SETTLES * 2));
        Times { earliest: self.newest, latest }
    }

    /// Encodes the waiting work. Work that cannot be recorded fails here and never gets an index.
    pub(crate) fn prepare(&self, jobs: Vec<(Work, ReplySender)>) -> Vec<Line> {
        let (mut times, mut version) = (self.times(), self.change.map_or(0, |(_, version)| version));
        let mut lines = Vec::with_capacity(jobs.len());
        for (work, reply) in jobs {
            match encoded(work, times, version) {
                Ok(mut encoded) => {
                    if let Some(last) = encoded.last_mut() {
                        times.follow(&last.receipt);
                        version = changed(&last.receipt).map_or(version, |change| change.new);
                        last.reply = Some(reply);
                    }
                    lines.append(&mut encoded);
                }
                Err(error) => drop(reply.send(Err(error.for_journal()))),
            }
        }
        lines
    }

    /// Commits all lines or nothing. Returns the index of the first line.
    pub(crate) fn commit(&mut self, lines: &[Line], ledger: Option<LedgerSnapshot>) -> Result<u64, StoreError> {
        let first = self.frontier.size();
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let written = self.write(lines, ledger).and_then(|()| {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(())
        });
        if let Err(error) = written {
            // A failed COMMIT may have rolled back already.
            let _ = self.connection.execute_batch("ROLLBACK");
            return Err(error);
        }
        Ok(first)
    }

    /// Encodes receipts that no caller waits for.
    pub(crate) fn lines(&self, receipts: impl IntoIterator<Item = Receipt>) -> Result<Vec<Line>, StoreError> {
        let version = self.change.map_or(0, |(_, version)| version);
        // The last run may have ended while a wrong clock was ahead.
        let mut times = Times { earliest: self.newest, latest: self.newest.plus(CLOCK_SETTLES * 2) };
        let mut lines = Vec::new();
        for receipt in receipts {
            let line = line(receipt, None, None, times, version)?;
            times.follow(&line.receipt);
            lines.push(line);
        }
        Ok(lines)
    }

    fn write(&mut self, lines: &[Line], ledger: Option<LedgerSnapshot>) -> Result<(), StoreError> {
        if let Some(LedgerSnapshot { state, upto }) = ledger {
            let sealed = self.keys.seal.seal(Place::Ledger { upto }, &state)?;
            rows::put_ledger(&self.connection, upto.0, &sealed)?;
            self.pending = self.pending.saturating_add(sealed.len()).saturating_add(COMMIT_OVERHEAD);
            self.ledger = Some(upto.0);
            self.companions = rows::companions(&self.connection, &self.records)?;
        }
        lines.chunks(ROW_ENTRIES).try_for_each(|lines| self.write_row(lines))
    }

    fn write_row(&mut self, lines: &[Line]) -> Result<(), StoreError> {
        let first = self.frontier.size();
        for (index, line) in (first..).zip(lines) {
            self.append(index, line)?;
        }
        let bodies: Vec<&[u8]> = lines.iter().map(|line| line.body.as_slice()).collect();
        let mut batch = Batch {
            first,
            count: self.frontier.size().saturating_sub(first),
            newest: self.newest,
            change: self.change.map(|(index, _)| index),
            ledger: self.ledger,
            open: self.open.indexes(),
            bodies: pack(&bodies),
            openings: self.openings(first, lines)?,
            companions: Some(self.companions),
            signature: Vec::new(),
        };
        batch.signature = self.sign(&batch.message(&self.checkpoint()))?.to_vec();
        rows::insert_batch(&self.connection, &batch)?;
        let bytes = batch.bodies.len().saturating_add(batch.openings.len());
        self.pending = self.pending.saturating_add(bytes).saturating_add(COMMIT_OVERHEAD);
        Ok(())
    }

    fn append(&mut self, index: u64, line: &Line) -> Result<(), StoreError> {
        let stored = self.frontier.append(leaf_hash(&line.body));
        for (tier, hash) in (0..).zip(stored.iter().step_by(8)).skip(1) {
            rows::insert_subtree(&self.connection, tier, index >> (8 * u32::from(tier)), hash.as_bytes())?;
        }
        self.newest = line.receipt.at;
        if line.receipt.sets_the_clock() {
            self.clock_set = Some((Instant::now(), line.receipt.at));
        }
        self.open.see(index, &line.receipt);
        if let (Some(change), Some(document)) = (changed(&line.receipt), &line.document) {
            let version = change.new;
            self.change = Some((index, version));
            self.write_document(index, version, document)?;
        }
        Ok(())
    }

    fn write_document(&mut self, receipt: u64, version: u64, document: &Document) -> Result<(), StoreError> {
        self.records.apply(&self.connection, &document.records)?;
        let plain = [self.records.digest().as_bytes(), document.bytes.as_ref()].concat();
        let sealed = self.keys.seal.seal(Place::Authority { version }, &plain)?;
        rows::insert_authority(&self.connection, &AuthorityRow { version, receipt, sealed })?;
        self.companions = rows::companions(&self.connection, &self.records)?;
        Ok(())
    }

    fn openings(&self, first: u64, lines: &[Line]) -> Result<Vec<u8>, StoreError> {
        let openings = (0..).zip(lines).filter_map(|(place, line)| Some((place, line.opening.as_deref()?)));
        let plain = join_openings(openings);
        if plain.is_empty() {
            return Ok(plain);
        }
        Ok(self.keys.seal.seal(Place::Openings { first: ReceiptIndex(first) }, &plain)?)
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], StoreError> {
        let signed = self.keys.signer.sign(message);
        signed.ok_or(StoreError::Checkpoint(briefcase_receipts::checkpoint::CheckpointError::NotSigned))
    }

    fn checkpoint(&self) -> ReceiptCheckpoint {
        ReceiptCheckpoint { origin: self.keys.origin.clone(), size: self.frontier.size(), root: self.frontier.root() }
    }

    /// Returns the signed head of the durable state.
    fn signed_head(&self) -> Result<SignedReceiptCheckpoint, StoreError> {
        Ok(self.checkpoint().sign(&self.keys.key, |message| self.keys.signer.sign(message))?)
    }

    /// Writes the head of the durable state to the file `head`, and publishes it to readers.
    pub(crate) fn publish(&mut self) -> Result<(), StoreError> {
        let head = self.signed_head()?;
        self.head.write(&head)?;
        self.heads.publish(head);
        Ok(())
    }

    /// Returns whether the write-ahead log should be moved into the database. An idle writer has a lower limit.
    pub(crate) fn log_is_full(&self, idle: bool) -> bool {
        self.pending >= if idle { self.keys.log_limit / 4 } else { self.keys.log_limit }
    }

    /// Moves the write-ahead log into the database.
    pub(crate) fn checkpoint_log(&mut self) -> Result<(), StoreError> {
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        self.pending = 0;
        self.head.sync()
    }

    /// Writes the whole state to disk and empties the write-ahead log.
    pub(crate) fn finish(&mut self) -> Result<(), StoreError> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.publish()?;
        self.publish()?;
        self.head.sync()
    }
}

/// The times that the next receipt may have.
#[derive(Clone, Copy)]
struct Times {
    /// Many tasks time and queue entries. The record's times never go back, except where a person accepts the clock.
    earliest: UnixMillis,
    /// Right after a person accepted an earlier clock, entries that were timed before it may still arrive.
    latest: UnixMillis,
}

/// The time for which entries with the time before an accepted clock may arrive, and the advance of later entries in it.
const CLOCK_SETTLES: Duration = Duration::from_secs(60);

impl Times {
    fn of(self, receipt: &Receipt) -> UnixMillis {
        if receipt.sets_the_clock() { receipt.at } else { receipt.at.min(self.latest).max(self.earliest) }
    }

    fn follow(&mut self, receipt: &Receipt) {
        self.earliest = receipt.at;
        if receipt.sets_the_clock() {
            self.latest = receipt.at.plus(CLOCK_SETTLES * 2);
        }
    }
}

fn changed(receipt: &Receipt) -> Option<&ChangeReceipt> {
    match &receipt.kind {
        Kind::Change(change) => Some(change),
        _ => None,
    }
}

/// Returns the lines of one piece of work. They are committed together, and the last one carries the reply.
fn encoded(work: Work, times: Times, version: u64) -> Result<Vec<Line>, StoreError> {
    match work {
        Work::Append(entry) => Ok(vec![line(entry.receipt, entry.opening, None, times, version)?]),
        Work::Beside(entry, slot) => {
            let line = line(entry.receipt, entry.opening, None, times, version)?;
            Ok(vec![Line { slot: Some(slot), ..line }])
        }
        Work::Change(receipt, document) => Ok(vec![line(receipt, None, Some(document), times, version)?]),
        Work::Decided(decision, receipt, document) => {
            let decision = line(*decision, None, None, times, version)?;
            let mut times = times;
            times.follow(&decision.receipt);
            let change = line(receipt, None, Some(document), times, version)?;
            Ok(vec![decision, change])
        }
    }
}

fn line(
    mut receipt: Receipt,
    opening: Option<Bytes>,
    document: Option<Document>,
    times: Times,
    version: u64,
) -> Result<Line, StoreError> {
    match (changed(&receipt), &document) {
        (None, None) => {}
        (Some(change), Some(_)) if change.old == version && change.new > version => {}
        (Some(_), Some(_)) => return Err(StoreError::Refused("the authority document changed meanwhile")),
        _ => return Err(StoreError::Refused("a change needs its document, and a document its change")),
    }
    receipt.at = times.of(&receipt);
    let body = receipt.encode()?;
    Ok(Line { receipt, body, opening, document, reply: None, slot: None })
}
