//! The hashes of the Merkle tree in the database.
//!
//! The database stores only the roots of full subtrees of 256, 65,536, … receipts: 32 bytes for every 256 receipts.
//! Every other hash is computed from the receipts or from the stored roots below it. So a proof reads the receipts that
//! it covers, and an edited hash or receipt contradicts the signed root.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use briefcase_receipts::merkle::{Frontier, HashReader, LogError, leaf_hash};
use briefcase_types::Digest;
use rusqlite::Connection;

use crate::{StoreError, rows};

/// The levels of the tree between two stored rows of hashes.
const TIER: u8 = 8;

/// Reads hashes within one connection's snapshot.
pub(crate) struct Nodes<'c> {
    connection: &'c Connection,
    leaves: RefCell<HashMap<u64, Rc<Vec<Digest>>>>,
}

impl<'c> Nodes<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self { connection, leaves: RefCell::new(HashMap::new()) }
    }

    fn node(&self, level: u8, n: u64) -> Result<Digest, StoreError> {
        let (tier, above) = (level / TIER, level % TIER);
        let count = 1_u64 << above;
        let mut subtree = Frontier::new();
        for below in (n << above)..(n << above).saturating_add(count) {
            subtree.append(self.base(tier, below)?);
        }
        Ok(subtree.root())
    }

    /// Returns a stored hash, or a leaf's hash.
    fn base(&self, tier: u8, n: u64) -> Result<Digest, StoreError> {
        if tier > 0 {
            let stored = rows::subtree(self.connection, tier, n)?;
            let hash = stored.and_then(|hash| hash.try_into().ok()).map(Digest::from_bytes);
            return hash.ok_or(StoreError::damaged("a stored hash is missing"));
        }
        let place = usize::try_from(n % 256).unwrap_or_default();
        let found = self.tile(n / 256)?.get(place).copied();
        found.ok_or(StoreError::damaged_at(n, "a receipt is missing"))
    }

    /// Returns the leaf hashes of up to 256 neighbouring receipts.
    fn tile(&self, tile: u64) -> Result<Rc<Vec<Digest>>, StoreError> {
        if let Some(found) = self.leaves.borrow().get(&tile) {
            return Ok(Rc::clone(found));
        }
        let range = tile.saturating_mul(256)..tile.saturating_add(1).saturating_mul(256);
        let mut leaves = Vec::new();
        each_body(self.connection, range, |_, body| {
            leaves.push(leaf_hash(body));
            Ok(())
        })?;
        let leaves = Rc::new(leaves);
        self.leaves.borrow_mut().insert(tile, Rc::clone(&leaves));
        Ok(leaves)
    }
}

impl HashReader for Nodes<'_> {
    fn read(&self, indexes: &[u64]) -> Result<Vec<Digest>, LogError> {
        let node = |index: &u64| {
            let (level, n) = tlog_tiles::tlog::split_stored_hash_index(*index);
            self.node(level, n).map_err(|error| LogError::Storage(error.to_string()))
        };
        indexes.iter().map(node).collect()
    }
}

/// Visits the encoded receipts of a range without gaps, up to the newest one.
pub(crate) fn each_body(
    connection: &Connection,
    range: std::ops::Range<u64>,
    mut visit: impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut batch = rows::batch_at(connection, range.start)?;
    let mut next = range.start;
    while let Some(row) = batch.filter(|row| row.first < range.end) {
        if !(row.first..row.end()).contains(&next) {
            // Either the end of the log, or a gap.
            return if row.end() == next { Ok(()) } else { Err(StoreError::damaged_at(next, "receipts are missing")) };
        }
        for (index, body) in (row.first..).zip(row.receipts()?) {
            if (next..range.end).contains(&index) {
                visit(index, &body)?;
            }
        }
        next = row.end();
        batch = rows::batch_from(connection, next)?;
    }
    Ok(())
}
