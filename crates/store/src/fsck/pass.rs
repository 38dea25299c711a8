//! One pass over the log: every receipt, every hash, every signature, every conclusion.

use std::collections::BTreeMap;

use briefcase_receipts::{
    Kind, Receipt,
    checkpoint::{ReceiptCheckpoint, SignedReceiptCheckpoint},
    commit::CommitmentKey,
    merkle::{Frontier, leaf_hash},
};
use briefcase_types::{Digest, ReceiptIndex, UnixMillis};
use rusqlite::Connection;

use super::{Fault, FsckOptions, FsckReport};
use crate::{
    Place, StoreError,
    batch::{Batch, split_openings},
    calls::OpenCalls,
    rows,
    writer_state::load::{origin_at, row_is_signed},
};

/// The results of the pass that other checks need.
pub(super) struct Seen {
    pub size: u64,
    /// The index, version and document of the last two changes.
    pub changes: Vec<(u64, u64, Digest)>,
    /// The ledger derived from the receipts up to the newest snapshot.
    pub ledger: Option<Vec<u8>>,
    /// The end of the newest ledger snapshot according to the newest row.
    pub ledger_upto: Option<u64>,
    pub incarnations: Vec<(u64, String)>,
    /// The number of incarnations that begin at a row.
    pub begun: usize,
    /// The digest of the rows beside the log that the newest row signs; `None` in the first form.
    pub companions: Option<Digest>,
}

impl Seen {
    /// Returns the number of incarnations that begin at an index.
    pub(super) fn starts(&self, index: u64) -> usize {
        self.incarnations.iter().filter(|(first, _)| *first == index).count()
    }
}

struct Pass<'a, 'o> {
    connection: &'a Connection,
    options: &'a mut FsckOptions<'o>,
    report: &'a mut FsckReport,
    frontier: Frontier,
    calls: OpenCalls,
    newest: UnixMillis,
    seen: Seen,
    snapshot_at: Option<u64>,
    subtrees: u64,
    /// The expected roots by size, from heads and witnesses.
    expected: BTreeMap<u64, Vec<(Digest, &'static str)>>,
}

pub(super) fn run(
    connection: &Connection,
    options: &mut FsckOptions<'_>,
    heads: Option<&[Option<SignedReceiptCheckpoint>; 2]>,
    report: &mut FsckReport,
) -> Result<Seen, StoreError> {
    let mut expected: BTreeMap<u64, Vec<(Digest, &'static str)>> = BTreeMap::new();
    for head in heads.into_iter().flatten().flatten() {
        let head = head.checkpoint();
        expected.entry(head.size).or_default().push((head.root, "the file `head`"));
    }
    for head in &options.witnessed {
        expected.entry(head.size).or_default().push((head.root, "a head from elsewhere"));
    }
    let seen = Seen {
        size: 0,
        changes: Vec::new(),
        ledger: None,
        ledger_upto: None,
        incarnations: rows::incarnations(connection)?,
        begun: 0,
        companions: None,
    };
    let snapshot_at = rows::ledger(connection)?.map(|(upto, _)| upto.0);
    let mut pass = Pass {
        connection,
        options,
        report,
        frontier: Frontier::new(),
        calls: OpenCalls::default(),
        newest: UnixMillis::default(),
        seen,
        snapshot_at,
        subtrees: 0,
        expected,
    };
    pass.meet(0);
    rows::each_batch(connection, |row| {
        match row {
            Ok(row) => pass.row(&row)?,
            Err(error @ StoreError::Damaged { .. }) => pass.unreadable(&error),
            Err(error) => return Err(error),
        }
        Ok(())
    })?;
    pass.finish()
}

impl Pass<'_, '_> {
    fn unreadable(&mut self, error: &StoreError) {
        let at = self.frontier.size();
        self.report.find(Fault::Unreadable, Some(at), error.to_string());
    }

    fn row(&mut self, row: &Batch) -> Result<(), StoreError> {
        if row.first != self.frontier.size() {
            let what = format!("a row begins at {}", row.first);
            self.report.find(Fault::Gap, Some(self.frontier.size()), what);
        }
        self.seen.begun = self.seen.begun.saturating_add(self.seen.starts(row.first));
        let bodies = match row.receipts() {
            Ok(bodies) => bodies,
            Err(error) => {
                self.unreadable(&error);
                return Ok(());
            }
        };
        let mut receipts = Vec::with_capacity(bodies.len());
        for body in &bodies {
            receipts.push(self.receipt(body)?);
        }
        self.conclusions(row);
        self.signature(row);
        self.openings(row, &receipts);
        Ok(())
    }

    fn receipt(&mut self, body: &[u8]) -> Result<Option<Receipt>, StoreError> {
        let index = self.frontier.size();
        if self.snapshot_at == Some(index) {
            self.seen.ledger = self.options.ledger.as_mut().map(|ledger| ledger.state());
        }
        let stored = self.frontier.append(leaf_hash(body));
        self.subtrees(index, &stored)?;
        self.meet(index.saturating_add(1));
        let receipt = match Receipt::decode(body) {
            Ok(receipt) => receipt,
            Err(error) => {
                self.report.find(Fault::Unreadable, Some(index), error.to_string());
                return Ok(None);
            }
        };
        if receipt.at < self.newest && !receipt.sets_the_clock() {
            self.report.find(Fault::Time, Some(index), "the receipt is earlier than the one before it");
        }
        self.newest = if receipt.sets_the_clock() { receipt.at } else { self.newest.max(receipt.at) };
        self.calls.see(index, &receipt);
        if let Kind::Change(change) = &receipt.kind {
            self.seen.changes.push((index, change.new, change.document));
            if self.seen.changes.len() > 2 {
                self.seen.changes.remove(0);
            }
        }
        if let Some(receipts) = self.options.receipts.as_mut() {
            receipts.apply(ReceiptIndex(index), &receipt);
        }
        if let Some(ledger) = self.options.ledger.as_mut() {
            ledger.apply(ReceiptIndex(index), &receipt);
        }
        Ok(Some(receipt))
    }

    /// Checks the stored roots of the subtrees that this receipt completed.
    fn subtrees(&mut self, index: u64, stored: &[Digest]) -> Result<(), StoreError> {
        for (tier, hash) in (0..).zip(stored.iter().step_by(8)).skip(1) {
            self.subtrees = self.subtrees.saturating_add(1);
            let n = index >> (8 * u32::from(tier));
            if rows::subtree(self.connection, tier, n)?.as_deref() != Some(&hash.as_bytes()[..]) {
                self.report.find(Fault::Hash, Some(index), format!("the stored hash {n} of tier {tier}"));
            }
        }
        Ok(())
    }

    /// Compares the root with the heads signed at this size.
    fn meet(&mut self, size: u64) {
        for (root, whose) in self.expected.remove(&size).unwrap_or_default() {
            if root != self.frontier.root() {
                self.report.find(Fault::Forked, size.checked_sub(1), format!("{whose} has another root at {size}"));
            }
        }
    }

    fn conclusions(&mut self, row: &Batch) {
        let change = self.seen.changes.last().map(|(index, _, _)| *index);
        let wrong = [
            (row.end() != self.frontier.size(), "count"),
            (row.newest != self.newest, "newest"),
            (row.change != change, "change"),
            (row.open != self.calls.indexes(), "open"),
        ];
        for (_, column) in wrong.into_iter().filter(|(wrong, _)| *wrong) {
            let what = format!("the column `{column}` does not follow from the receipts");
            self.report.find(Fault::Conclusion, Some(row.first), what);
        }
        self.seen.ledger_upto = row.ledger;
        self.seen.companions = row.companions;
    }

    fn signature(&mut self, row: &Batch) {
        let head = |origin| ReceiptCheckpoint { origin, size: self.frontier.size(), root: self.frontier.root() };
        let head = origin_at(&self.seen.incarnations, row.first).map(head);
        if !head.is_some_and(|head| row_is_signed(row, &head, self.options.key.as_bytes())) {
            self.report.find(Fault::Signature, Some(row.first), "the row's signature by the log's key is invalid");
        }
    }

    fn openings(&mut self, row: &Batch, receipts: &[Option<Receipt>]) {
        let Some(seal) = self.options.seal.as_ref().filter(|_| !row.openings.is_empty()) else { return };
        let Ok(plain) = seal.open(Place::Openings { first: ReceiptIndex(row.first) }, &row.openings) else {
            return self.report.find(Fault::Opening, Some(row.first), "the openings of the row do not open");
        };
        let wrong = plain.expose(|plain| match split_openings(plain) {
            None => vec![row.first],
            Some(openings) => openings
                .into_iter()
                .filter(|(place, opening)| {
                    let receipt = usize::try_from(*place).ok().and_then(|place| receipts.get(place));
                    let receipt = receipt.and_then(Option::as_ref);
                    !receipt
                        .is_some_and(|receipt| self.options.commitments.is_none_or(|key| opens(key, receipt, opening)))
                })
                .map(|(place, _)| row.first.saturating_add(place))
                .collect(),
        });
        for index in wrong {
            self.report.find(Fault::Opening, Some(index), "the opening contradicts the receipt's commitment");
        }
    }

    fn finish(self) -> Result<Seen, StoreError> {
        let size = self.frontier.size();
        for (head, whose) in
            self.expected.iter().flat_map(|(size, roots)| roots.iter().map(move |root| (*size, root.1)))
        {
            let what = format!("{whose} was signed for {head} receipts, but the record has {size}");
            self.report.find(Fault::RolledBack, size.checked_sub(1), what);
        }
        let stored: i64 = self.connection.query_row("SELECT count(*) FROM subtree", [], |row| row.get(0))?;
        if rows::uint(stored)? != self.subtrees {
            self.report.find(Fault::Hash, None, "stored hashes without receipts exist");
        }
        let mut seen = self.seen;
        seen.size = size;
        if self.snapshot_at == Some(size) {
            seen.ledger = self.options.ledger.as_mut().map(|ledger| ledger.state());
        }
        self.report.size = size;
        self.report.root = Some(self.frontier.root());
        Ok(seen)
    }
}

/// Returns whether a receipt commits to its stored opening.
fn opens(key: &CommitmentKey, receipt: &Receipt, opening: &[u8]) -> bool {
    let arguments = |call, root: &Option<Digest>| {
        let value = serde_json::from_slice(opening);
        value.is_ok_and(|value| Some(key.arguments(call, &value).root()) == *root)
    };
    match &receipt.kind {
        Kind::Intent(intent) => arguments(&intent.call, &intent.args),
        Kind::Refusal(refused) => arguments(&refused.call, &refused.args),
        Kind::Outcome(outcome) => Some(key.result(&outcome.call, opening)) == outcome.result,
        _ => true,
    }
}
