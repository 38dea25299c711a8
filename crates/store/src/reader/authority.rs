//! Reads the authority document, and verifies with the record that it is the newest and unchanged.

use briefcase_receipts::{Kind, merkle::Frontier};
use briefcase_types::{Digest, ReceiptIndex};

use super::Reader;
use crate::{
    Place, StoreError,
    nodes::Nodes,
    records::Records,
    rows,
    writer_state::load::{check_row, proved},
};

/// The authority document in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAuthority {
    /// The version.
    pub version: u64,
    /// The canonical JSON.
    pub document: Vec<u8>,
    /// The receipt of the change that created this version.
    pub receipt: ReceiptIndex,
}

impl Reader {
    /// Opens the newest authority document; `None` before the first change.
    ///
    /// `digest` computes the name of a document in change receipts.
    ///
    /// # Errors
    /// [`StoreError::StateTampered`] when the document is not the one of the newest change receipt, or when one of its
    /// definitions or secrets was edited, removed, added or replaced by an older one.
    pub fn authority(&self, digest: impl FnOnce(&[u8]) -> Digest) -> Result<Option<StoredAuthority>, StoreError> {
        let tampered = |what| StoreError::StateTampered { what };
        let seal = self.seal()?;
        self.with(|connection| {
            let row = rows::newest(connection)?;
            let kept = rows::authorities(connection)?.pop();
            let (row, index) = match row.and_then(|row| row.change.map(|index| (row, index))) {
                Some(found) => found,
                None if kept.is_none() => return Ok(None),
                None => return Err(tampered("an authority document without its receipt")),
            };
            let kept = kept.ok_or(tampered("the authority document is missing"))?;
            let nodes = Nodes::new(connection);
            let head = Frontier::load(row.end(), &nodes)?;
            check_row(connection, &row, &head, &self.0.key)?;
            let Kind::Change(change) = proved(&nodes, connection, index, &head)?.kind else {
                return Err(tampered("the newest change is not a change"));
            };
            if kept.version != change.new || kept.receipt != index {
                return Err(tampered("the authority document is not the newest"));
            }
            let plain = seal.open(Place::Authority { version: kept.version }, &kept.sealed);
            let plain = plain.map_err(|error| match error {
                crate::SealError::DoesNotOpen => tampered("the authority document does not open"),
                other => StoreError::Seal(other),
            })?;
            let (records, document) = plain
                .expose(|plain| plain.split_first_chunk::<32>().map(|(records, rest)| (*records, rest.to_vec())))
                .ok_or(tampered("the authority document is too short"))?;
            if Records::load(connection)?.digest() != Digest::from_bytes(records) {
                return Err(tampered("a definition or a secret was edited, removed, added or replaced"));
            }
            if digest(&document) != change.document {
                return Err(tampered("the authority document is not the one that was recorded"));
            }
            Ok(Some(StoredAuthority { version: kept.version, document, receipt: ReceiptIndex(index) }))
        })
    }
}
