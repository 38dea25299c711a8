//! One commit as one row.
//!
//! Receipts that became durable together are one row of the table `batch`: few pages change per commit, so few bytes are
//! written per receipt, and one signature covers the row's receipts, everything before them, and what the store concluded
//! from them. Invariant: a row's signature holds only for the exact history it was signed over.

use briefcase_receipts::checkpoint::ReceiptCheckpoint;
use briefcase_types::{Digest, UnixMillis};

use crate::{
    StoreError,
    codec::{put_bytes, put_number, rising, take_bytes, take_number, take_rising},
};

/// A commit with more entries is split into several rows, so that reading one receipt stays cheap.
pub(crate) const ROW_ENTRIES: usize = 512;

/// No row of this program holds more bytes of receipts (512 of 16 KiB each).
const BODIES_MAX: usize = 9 * 1024 * 1024;

const PLAIN: u8 = 0;
const PACKED: u8 = 1;

/// Fewer bytes than this are not worth packing.
const PACK_FROM: usize = 256;

/// A row of the table `batch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Index of the first receipt.
    pub first: u64,
    /// How many receipts.
    pub count: u64,
    /// The newest receipt's time.
    pub newest: UnixMillis,
    /// Index of the newest change of the authority document up to here.
    pub change: Option<u64>,
    /// The first receipt that is not in the newest ledger snapshot.
    pub ledger: Option<u64>,
    /// Indexes of the intents without an outcome up to here, rising.
    pub open: Vec<u64>,
    /// The encoded receipts, packed.
    pub bodies: Vec<u8>,
    /// The openings, sealed; empty when there are none.
    pub openings: Vec<u8>,
    /// The log key's signature over [`Batch::message`].
    pub signature: Vec<u8>,
}

impl Batch {
    /// The size of the log after this row.
    pub(crate) const fn end(&self) -> u64 {
        self.first.saturating_add(self.count)
    }

    /// What is signed: the head after this row, and the row's other columns.
    pub(crate) fn message(&self, head: &ReceiptCheckpoint) -> Vec<u8> {
        let number = u64::to_be_bytes;
        let change = self.change.map_or([0xff; 8], number);
        let ledger = self.ledger.map_or([0xff; 8], number);
        let columns = Digest::labelled(
            "briefcase/store/row/1",
            &[&number(self.count), &number(self.newest.0), &change, &ledger, &rising(&self.open), &self.openings],
        );
        [b"briefcase/store/batch/1\0", head.text().as_bytes(), b"\0", columns.as_bytes()].concat()
    }

    /// The encoded receipts.
    pub(crate) fn receipts(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        unpack(&self.bodies)
            .filter(|bodies| u64::try_from(bodies.len()) == Ok(self.count))
            .ok_or(StoreError::damaged_at(self.first, "a row of receipts cannot be read"))
    }
}

/// The list of open intents as its column.
pub(crate) fn open_column(open: &[u64]) -> Vec<u8> {
    rising(open)
}

/// The list of open intents from its column.
pub(crate) fn open_from_column(bytes: &[u8]) -> Option<Vec<u64>> {
    take_rising(bytes)
}

/// Encoded receipts as the column `bodies`.
pub(crate) fn pack(bodies: &[&[u8]]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bodies.iter().map(|body| body.len().saturating_add(3)).sum());
    bodies.iter().for_each(|body| put_bytes(body, &mut plain));
    if plain.len() >= PACK_FROM {
        let packed = lz4_flex::block::compress(&plain);
        if packed.len() < plain.len() {
            let mut column = vec![PACKED];
            put_number(u64::try_from(plain.len()).unwrap_or(u64::MAX), &mut column);
            column.extend_from_slice(&packed);
            return column;
        }
    }
    plain.insert(0, PLAIN);
    plain
}

fn unpack(column: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (form, mut rest) = column.split_first()?;
    match *form {
        PLAIN => split(rest),
        PACKED => {
            let length = usize::try_from(take_number(&mut rest)?).ok().filter(|length| *length <= BODIES_MAX)?;
            let plain = lz4_flex::block::decompress(rest, length).ok()?;
            (plain.len() == length).then(|| split(&plain)).flatten()
        }
        _ => None,
    }
}

fn split(mut plain: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut bodies = Vec::new();
    while !plain.is_empty() {
        bodies.push(take_bytes(&mut plain)?.to_vec());
    }
    Some(bodies)
}

/// Openings, each with its receipt's place in the row, as the plain text of the column `openings`.
pub(crate) fn join_openings<'a>(openings: impl Iterator<Item = (u64, &'a [u8])>) -> Vec<u8> {
    let mut plain = Vec::new();
    for (place, opening) in openings {
        put_number(place, &mut plain);
        put_bytes(opening, &mut plain);
    }
    plain
}

/// The openings back.
pub(crate) fn split_openings(mut plain: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut openings = Vec::new();
    while !plain.is_empty() {
        openings.push((take_number(&mut plain)?, take_bytes(&mut plain)?));
    }
    Some(openings)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bodies_come_back(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..40)) {
            prop_assert_eq!(unpack(&pack(&bodies.iter().map(Vec::as_slice).collect::<Vec<_>>())), Some(bodies));
        }

        #[test]
        fn any_bytes_are_taken_or_refused(column: Vec<u8>) {
            let _ = unpack(&column);
            let _ = split_openings(&column);
        }
    }

    #[test]
    fn a_row_cannot_claim_more_than_a_row_holds() {
        let mut column = vec![PACKED];
        put_number(1 << 40, &mut column);
        column.extend_from_slice(&[0x1f; 64]);
        assert_eq!(unpack(&column), None);
    }
}
