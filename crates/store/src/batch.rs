//! The row of one commit.
//!
//! Receipts that became durable together are one row of the table `batch`. Few pages change per commit, so few bytes
//! are written per receipt. One signature covers the row's receipts, all receipts before them, and the store's
//! conclusions from them.
//!
//! Invariant: a row's signature is valid only for the exact history that was signed.

use briefcase_receipts::checkpoint::ReceiptCheckpoint;
use briefcase_types::{Digest, UnixMillis};

use crate::{
    StoreError,
    codec::{put_bytes, put_number, rising, take_bytes, take_number, take_rising},
};

/// The maximum number of receipts in a row. A larger commit takes several rows, so reading one receipt stays cheap.
pub(crate) const ROW_ENTRIES: usize = 512;

/// The maximum bytes of receipts in a row (512 of 16 KiB each).
const BODIES_MAX: usize = 9 * 1024 * 1024;

const PLAIN: u8 = 0;
const PACKED: u8 = 1;

/// The minimum bytes of receipts that are compressed.
const PACK_FROM: usize = 256;

/// A row of the table `batch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The index of the first receipt.
    pub first: u64,
    /// The number of receipts.
    pub count: u64,
    /// The time of the newest receipt.
    pub newest: UnixMillis,
    /// The index of the newest change of the authority document up to here.
    pub change: Option<u64>,
    /// The first receipt that is not in the newest ledger snapshot.
    pub ledger: Option<u64>,
    /// The rising indexes of the intents without an outcome up to here.
    pub open: Vec<u64>,
    /// The encoded receipts, compressed.
    pub bodies: Vec<u8>,
    /// The sealed openings; empty when no receipt has one.
    pub openings: Vec<u8>,
    /// The digest of the rows beside the log after this row; `None` in rows of the first form.
    pub companions: Option<Digest>,
    /// The log key's signature over [`Batch::message`].
    pub signature: Vec<u8>,
}

impl Batch {
    /// Returns the size of the log after this row.
    pub(crate) const fn end(&self) -> u64 {
        self.first.saturating_add(self.count)
    }

    /// Returns the signed message: the head after this row, and the row's other columns.
    pub(crate) fn message(&self, head: &ReceiptCheckpoint) -> Vec<u8> {
        let number = u64::to_be_bytes;
        let change = self.change.map_or([0xff; 8], number);
        let ledger = self.ledger.map_or([0xff; 8], number);
        let columns = Digest::labelled(
            "briefcase/store/row/1",
            &[&number(self.count), &number(self.newest.0), &change, &ledger, &rising(&self.open), &self.openings],
        );
        match &self.companions {
            None => [b"briefcase/store/batch/1\0", head.text().as_bytes(), b"\0", columns.as_bytes()].concat(),
            Some(companions) => {
                let text = head.text();
                let (head, columns, companions) = (text.as_bytes(), columns.as_bytes(), companions.as_bytes());
                [b"briefcase/store/batch/2\0", head, b"\0", columns, companions].concat()
            }
        }
    }

    /// Returns the column `signature`: the digest of the rows beside the log, if there is one, and the signature.
    pub(crate) fn signature_column(&self) -> Vec<u8> {
        let companions = self.companions.as_ref().map(|digest| digest.as_bytes().as_slice()).unwrap_or_default();
        [companions, &self.signature].concat()
    }

    /// Splits the column `signature`.
    pub(crate) fn split_signature(column: &[u8]) -> (Option<Digest>, Vec<u8>) {
        match column.split_first_chunk::<32>() {
            Some((companions, signature)) if signature.len() == 64 => {
                (Some(Digest::from_bytes(*companions)), signature.to_vec())
            }
            _ => (None, column.to_vec()),
        }
    }

    /// Returns the encoded receipts.
    pub(crate) fn receipts(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        unpack(&self.bodies)
            .filter(|bodies| u64::try_from(bodies.len()) == Ok(self.count))
            .ok_or(StoreError::damaged_at(self.first, "a row of receipts cannot be read"))
    }
}

/// Encodes the list of open intents as a column.
pub(crate) fn open_column(open: &[u64]) -> Vec<u8> {
    rising(open)
}

/// Decodes the list of open intents from its column.
pub(crate) fn open_from_column(bytes: &[u8]) -> Option<Vec<u64>> {
    take_rising(bytes)
}

/// Compresses encoded receipts to the column `bodies`.
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

/// Encodes openings, each with its receipt's place in the row, as the plaintext of the column `openings`.
pub(crate) fn join_openings<'a>(openings: impl Iterator<Item = (u64, &'a [u8])>) -> Vec<u8> {
    let mut plain = Vec::new();
    for (place, opening) in openings {
        put_number(place, &mut plain);
        put_bytes(opening, &mut plain);
    }
    plain
}

/// Decodes the plaintext of the column `openings`.
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
        fn bodies_survive_a_round_trip(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..40)) {
            prop_assert_eq!(unpack(&pack(&bodies.iter().map(Vec::as_slice).collect::<Vec<_>>())), Some(bodies));
        }

        #[test]
        fn any_bytes_are_decoded_or_rejected(column: Vec<u8>) {
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
