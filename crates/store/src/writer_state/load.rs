//! Opens the state. The state on disk must be the signed one, and nothing older.
//!
//! Opening reads the newest row, up to 255 receipts and a few hundred stored hashes, for any length of the record. The
//! row's signature covers all conclusions, and every receipt from the middle is proved against the root.

use std::sync::Arc;

use briefcase_private_fs::{create_new, open_for_writing};
use briefcase_receipts::{
    Kind, Notice, READS_LOST, Receipt, Text, Word,
    checkpoint::{PublicKey, ReceiptCheckpoint, ReceiptLogOrigin, SignedReceiptCheckpoint},
    merkle::{ConsistencyProof, Frontier, InclusionProof, leaf_hash},
};
use ed25519_dalek::{Signature, VerifyingKey};

use super::{Keys, WriterState};
use crate::{
    ExpectedState, Opened, Orphan, StoreError,
    batch::Batch,
    calls::OpenCalls,
    head::{self, HeadFile, HeadFileContent, Heads},
    nodes::{Nodes, each_body},
    overlap::{self, LeftBehind, OverlapFile},
    records::Records,
    rows, schema,
    state_dir::StateDir,
};
use briefcase_types::{ReceiptIndex, UnixMillis};
use rusqlite::Connection;

impl WriterState {
    /// Opens the state and verifies it against its head.
    pub(crate) fn load(
        folder: &StateDir,
        keys: &Arc<Keys>,
        heads: &Arc<Heads>,
        overlap: &OverlapFile,
        expect: ExpectedState,
    ) -> Result<(Self, Opened), StoreError> {
        let found = head::read(folder, &keys.key)?;
        let left = overlap::left_behind(folder, Some(keys.seal.as_ref()))?;
        let created = ensure_database(folder, expect, &found)?;
        renew_log(folder)?;
        let connection = schema::writer(&folder.database(), keys.durability)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        let row = rows::newest(&connection)?;
        let size = row.as_ref().map_or(0, Batch::end);
        let frontier = Frontier::load(size, &Nodes::new(&connection))?;
        let signed_size = check_head(&connection, &found, &frontier, expect, &keys.origin)?;
        check_incarnation(&connection, size, expect, &keys.origin)?;
        if let Some(row) = &row {
            check_row(&connection, row, &frontier, &keys.key)?;
        }
        let records = Records::load(&connection)?;
        let companions = rows::companions(&connection, &records)?;
        if row.as_ref().and_then(|row| row.companions).is_some_and(|signed| signed != companions) {
            return Err(StoreError::StateTampered { what: COMPANIONS_EDITED });
        }
        schema::renew(&connection)?;
        let mut orphans = orphans(&connection, row.as_ref(), &frontier)?;
        let change = version(&connection, row.as_ref(), &frontier)?;
        let newest = row.as_ref().map(|row| row.newest);
        let open = OpenCalls::from_intents(orphans.iter().map(|orphan| (orphan.intent.call, orphan.index.0)));
        let head = match &found {
            HeadFileContent::Nothing => HeadFile::create(folder, &sign(&frontier, keys)?)?,
            _ => HeadFile::open(folder)?,
        };
        let mut state = Self {
            connection,
            head,
            heads: Arc::clone(heads),
            keys: Arc::clone(keys),
            frontier,
            newest: newest.unwrap_or_default(),
            clock_set: None,
            change,
            ledger: row.as_ref().and_then(|row| row.ledger),
            open,
            records,
            companions,
            pending: 0,
        };
        let signed = row.as_ref().is_some_and(|row| row.companions.is_some());
        let left = left.unwrap_or_else(|| LeftBehind {
            // A database of this form always had the file. A backup has none, and its restore exhausts every budget.
            unknown: if signed && expect != ExpectedState::Restored { u64::from(overlap::SLOTS) } else { 0 },
            ..LeftBehind::default()
        });
        let (unrecorded, unknown) = state.record_left_behind(left, &mut orphans)?;
        overlap.begin(folder, keys.seal.as_ref(), state.frontier.size())?;
        let (state, head) = state.settle_head(&found)?;
        let recovered = size.saturating_sub(signed_size);
        let (size, newest) = (state.frontier.size(), newest.map(|_| state.newest));
        Ok((state, Opened { size, newest, head, recovered, created, orphans, unrecorded, unknown }))
    }

    /// Records the reads that the last run sent beside a commit that failed. Returns the number of recorded intents, and
    /// the maximum number of reads whose intents are lost.
    fn record_left_behind(&mut self, left: LeftBehind, orphans: &mut Vec<Orphan>) -> Result<(u64, u64), StoreError> {
        let LeftBehind { slots, mut unknown } = left;
        let mut receipts = Vec::new();
        for slot in slots {
            match slot.intent(self.keys.seal.as_ref()) {
                None => unknown = unknown.saturating_add(1),
                Some(intent) if is_on_record(&self.connection, slot.from, &slot.body)? => drop(intent),
                Some(intent) => receipts.push(intent),
            }
        }
        receipts.sort_by_key(|receipt| receipt.at);
        let unrecorded = u64::try_from(receipts.len()).unwrap_or(u64::MAX);
        if unknown > 0 {
            receipts.push(lost_reads(unknown, self.newest));
        }
        if receipts.is_empty() {
            return Ok((0, 0));
        }
        let lines = self.lines(receipts)?;
        let first = self.commit(&lines, None)?;
        for (index, line) in (first..).zip(&lines) {
            if let Kind::Intent(intent) = &line.receipt.kind {
                orphans.push(Orphan { index: ReceiptIndex(index), at: line.receipt.at, intent: intent.clone() });
            }
        }
        tracing::warn!(unrecorded, unknown, "reads of the last run were not on record; they count as spent");
        Ok((unrecorded, unknown))
    }

    /// Writes the present head into both slots of the file `head`.
    fn settle_head(mut self, found: &HeadFileContent) -> Result<(Self, SignedReceiptCheckpoint), StoreError> {
        let head = self.signed_head()?;
        if *found != HeadFileContent::Heads(head.clone(), Some(head.clone())) {
            self.head.write(&head)?;
            self.head.write(&head)?;
            self.head.sync()?;
        }
        self.heads.publish(head.clone());
        Ok((self, head))
    }
}

/// The message for an edited row beside the log.
pub(crate) const COMPANIONS_EDITED: &str =
    "the authority document, a definition, a secret or the ledger was edited, removed, added or replaced";

/// Returns whether an intent is on record at or after an index. The record may give it a later time.
pub(crate) fn is_on_record(connection: &Connection, from: u64, body: &[u8]) -> Result<bool, StoreError> {
    let call = |body: &[u8]| match Receipt::decode(body).ok()?.kind {
        Kind::Intent(intent) => Some(intent.call),
        _ => None,
    };
    let Some(wanted) = call(body) else { return Ok(false) };
    let size = rows::newest(connection)?.map_or(0, |row| row.end());
    let mut found = false;
    each_body(connection, from.min(size)..size, |_, body| {
        found |= call(body) == Some(wanted);
        Ok(())
    })?;
    Ok(found)
}

/// The receipt for reads that may have been sent and whose intents are lost.
fn lost_reads(count: u64, at: UnixMillis) -> Receipt {
    let detail = Some(Text::lossy(&count.to_string()));
    Receipt { at, kind: Kind::Notice(Notice { what: Word::lossy(READS_LOST), agent: None, server: None, detail }) }
}

fn sign(frontier: &Frontier, keys: &Keys) -> Result<SignedReceiptCheckpoint, StoreError> {
    let head = ReceiptCheckpoint { origin: keys.origin.clone(), size: frontier.size(), root: frontier.root() };
    Ok(head.sign(&keys.key, |message| keys.signer.sign(message))?)
}

/// Creates an empty database file if the caller expects one. Returns whether it did.
fn ensure_database(folder: &StateDir, expect: ExpectedState, found: &HeadFileContent) -> Result<bool, StoreError> {
    let path = folder.database();
    if path.try_exists().map_err(StoreError::io("inspect the database"))? {
        return Ok(false);
    }
    if let HeadFileContent::Heads(head, _) = found
        && head.checkpoint().size > 0
    {
        return Err(StoreError::RolledBack { head: head.checkpoint().size, database: 0 });
    }
    if expect != ExpectedState::ExistingOrNew {
        return Err(StoreError::Missing(folder.path().to_owned()));
    }
    create_new(&path)?;
    folder.sync()?;
    Ok(true)
}

/// Writes the bytes of a remaining write-ahead log again, and waits for the disk.
///
/// After a failed `fsync` the system may count bytes as written that never reached the disk. Only a second write makes
/// a later `fsync` reliable.
fn renew_log(folder: &StateDir) -> Result<(), StoreError> {
    let path = folder.write_ahead_log();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) if !bytes.is_empty() => bytes,
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("read the write-ahead log")(error)),
    };
    let file = open_for_writing(&path)?;
    let renewed = std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).and_then(|()| file.sync_all());
    renewed.map_err(StoreError::io("renew the write-ahead log"))
}

/// Compares the database with its head. Returns the signed size.
fn check_head(
    connection: &Connection,
    found: &HeadFileContent,
    frontier: &Frontier,
    expect: ExpectedState,
    origin: &ReceiptLogOrigin,
) -> Result<u64, StoreError> {
    let size = frontier.size();
    let head = match found {
        HeadFileContent::Heads(head, _) => head.checkpoint(),
        HeadFileContent::Nothing | HeadFileContent::Unreadable if expect == ExpectedState::Restored => return Ok(size),
        HeadFileContent::Nothing | HeadFileContent::Unreadable
            if size == 0 && expect == ExpectedState::ExistingOrNew =>
        {
            return Ok(0);
        }
        HeadFileContent::Nothing => return Err(StoreError::HeadMissing { found: "is missing" }),
        HeadFileContent::Unreadable => {
            return Err(StoreError::HeadMissing { found: "has no checkpoint signed by this key" });
        }
    };
    if head.origin != *origin && expect != ExpectedState::Restored {
        return Err(StoreError::OtherLog { expected: origin.to_string(), found: head.origin.to_string() });
    }
    if head.size > size {
        return Err(StoreError::RolledBack { head: head.size, database: size });
    }
    let nodes = Nodes::new(connection);
    if Frontier::load(head.size, &nodes)?.root() != head.root {
        return Err(StoreError::Forked { size: head.size });
    }
    if (1..size).contains(&head.size) {
        let proof = ConsistencyProof::prove(head.size, size, &nodes)?;
        proof.verify(&head.root, &frontier.root()).map_err(|_| StoreError::Forked { size: head.size })?;
    }
    Ok(head.size)
}

/// Checks that the record's origin is this installation's, or begins an incarnation under it.
fn check_incarnation(
    connection: &Connection,
    size: u64,
    expect: ExpectedState,
    origin: &ReceiptLogOrigin,
) -> Result<(), StoreError> {
    match rows::incarnations(connection)?.last() {
        Some((_, found)) if found == origin.as_str() => Ok(()),
        None if size == 0 => rows::begin_incarnation(connection, 0, origin.as_str()),
        Some(_) if expect == ExpectedState::Restored => rows::begin_incarnation(connection, size, origin.as_str()),
        Some((_, found)) => Err(StoreError::OtherLog { expected: origin.to_string(), found: found.clone() }),
        None => Err(StoreError::StateTampered { what: "the record has no origin" }),
    }
}

/// Returns the origin under which a row was signed.
pub(crate) fn origin_at(incarnations: &[(u64, String)], first: u64) -> Option<ReceiptLogOrigin> {
    incarnations.iter().rev().find(|(from, _)| *from <= first).and_then(|(_, origin)| origin.parse().ok())
}

/// Returns whether the log's key signed this row as the end of this history.
pub(crate) fn row_is_signed(row: &Batch, head: &ReceiptCheckpoint, key: &[u8; 32]) -> bool {
    let signature = Signature::from_slice(&row.signature);
    let key = VerifyingKey::from_bytes(key);
    let (Ok(signature), Ok(key)) = (signature, key) else { return false };
    key.verify_strict(&row.message(head), &signature).is_ok()
}

pub(crate) fn check_row(
    connection: &Connection,
    row: &Batch,
    frontier: &Frontier,
    key: &PublicKey,
) -> Result<(), StoreError> {
    let incarnations = rows::incarnations(connection)?;
    let origin =
        origin_at(&incarnations, row.first).ok_or(StoreError::StateTampered { what: "a row without an origin" })?;
    let head = ReceiptCheckpoint { origin, size: frontier.size(), root: frontier.root() };
    if row_is_signed(row, &head, key.as_bytes()) { Ok(()) } else { Err(StoreError::Forked { size: head.size }) }
}

/// Returns a receipt from the middle of the log, after proving that it is in the log.
pub(crate) fn proved(
    nodes: &Nodes<'_>,
    connection: &Connection,
    index: u64,
    head: &Frontier,
) -> Result<Receipt, StoreError> {
    let mut found = None;
    each_body(connection, index..index.saturating_add(1), |_, body| {
        found = Some(body.to_vec());
        Ok(())
    })?;
    let body = found.ok_or(StoreError::damaged_at(index, "a receipt is missing"))?;
    let proof = InclusionProof::prove(index, head.size(), nodes)?;
    let holds = proof.verify(&leaf_hash(&body), &head.root());
    holds.map_err(|_| StoreError::damaged_at(index, "a receipt is not the one that was signed"))?;
    Ok(Receipt::decode(&body)?)
}

fn orphans(connection: &Connection, row: Option<&Batch>, head: &Frontier) -> Result<Vec<Orphan>, StoreError> {
    let nodes = Nodes::new(connection);
    let orphan = |index: &u64| {
        let receipt = proved(&nodes, connection, *index, head)?;
        match receipt.kind {
            Kind::Intent(intent) => Ok(Orphan { index: ReceiptIndex(*index), at: receipt.at, intent }),
            _ => Err(StoreError::damaged_at(*index, "an open call is not an intent")),
        }
    };
    row.map(|row| row.open.as_slice()).unwrap_or_default().iter().map(orphan).collect()
}

/// Returns the receipt and version of the newest change of the authority document.
fn version(connection: &Connection, row: Option<&Batch>, head: &Frontier) -> Result<Option<(u64, u64)>, StoreError> {
    let Some(index) = row.and_then(|row| row.change) else { return Ok(None) };
    match proved(&Nodes::new(connection), connection, index, head)?.kind {
        Kind::Change(change) => Ok(Some((index, change.new))),
        _ => Err(StoreError::damaged_at(index, "the newest change is not a change")),
    }
}
