//! What a start need not work out from the whole record again: the ledger and the factors' counters, as of one receipt.
//!
//! Invariant: the store seals it, and the newest commit's signature names the receipt it is as of. An older one put in its
//! place, or none, is found when the record is opened.

use briefcase_engine::shared_ledger::SharedLedger;
use briefcase_policy::ledger;
use briefcase_ports::Journal as _;
use briefcase_receipts::Receipt;
use briefcase_store::{Reader, Store, StoreError};
use briefcase_types::ReceiptIndex;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::presence::Counters;

#[derive(Serialize)]
struct Written<'c> {
    ledger: ledger::Snapshot,
    presence: &'c Counters,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    ledger: ledger::Snapshot,
    presence: Counters,
}

/// The version of a ledger that a newer program wrote. Returns `None` for a version that this program reads.
fn newer_version(raw: &[u8]) -> Option<i64> {
    #[derive(Deserialize)]
    struct Versioned {
        ledger: Version,
    }
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let found = serde_json::from_slice::<Versioned>(raw).ok()?.ledger.v;
    (found > ledger::Snapshot::NEWEST).then_some(found.into())
}

/// Hands the present state to the store, for its next commit.
///
/// The size is read first: a call that ends in between is counted once too often after a restart, never too rarely.
pub fn keep(store: &Store, ledger: &SharedLedger, counters: &Counters) {
    let Ok(size) = store.reader().size() else { return };
    let ledger = ledger.with(|ledger| ledger.snapshot());
    if let Some(bytes) = encode(ledger, counters) {
        store.snapshot(bytes, ReceiptIndex(size));
    }
}

/// The state as bytes for the store.
pub fn encode(ledger: ledger::Snapshot, presence: &Counters) -> Option<Bytes> {
    serde_json::to_vec(&Written { ledger, presence }).ok().map(Bytes::from)
}

/// The newest snapshot and every receipt after it.
///
/// # Errors
/// The record cannot be read, or the snapshot is not the one it names.
pub fn replayed(
    reader: &Reader,
    mut each: impl FnMut(&mut ledger::Ledger, Receipt),
) -> Result<(ledger::Ledger, Counters), StoreError> {
    let (mut ledger, mut counters, from) = match reader.ledger()? {
        None => (ledger::Ledger::new(), Counters::default(), ReceiptIndex(0)),
        Some((snapshot, upto)) => {
            if let Some(found) = snapshot.expose(newer_version) {
                return Err(StoreError::Newer { found, known: ledger::Snapshot::NEWEST.into() });
            }
            let read = snapshot.expose(|raw| serde_json::from_slice::<Read>(raw));
            let read = read.map_err(|_| StoreError::StateTampered { what: "the ledger cannot be read" })?;
            (ledger::Ledger::restore(read.ledger), read.presence, upto)
        }
    };
    reader.replay(from, |_, receipt| {
        counters.replay(&receipt);
        each(&mut ledger, receipt);
        Ok(())
    })?;
    Ok((ledger, counters))
}
