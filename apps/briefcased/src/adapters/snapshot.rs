//! Snapshots of the ledger and the factors' counters as of one receipt, so that a start need not replay the whole record.
//!
//! Invariant: the store seals a snapshot, and the newest commit's signature names the receipt that it is as of. Opening the
//! record therefore detects an older or missing snapshot.

use std::sync::Arc;

use briefcase_engine::shared_ledger::SharedLedger;
use briefcase_policy::ledger;
use briefcase_ports::Journal as _;
use briefcase_presence::{CounterSnapshots, FactorCounters};
use briefcase_receipts::Receipt;
use briefcase_store::{Reader, Store, StoreError};
use briefcase_types::ReceiptIndex;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Written<'c> {
    ledger: ledger::Snapshot,
    presence: &'c FactorCounters,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    ledger: ledger::Snapshot,
    presence: FactorCounters,
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

/// Stores snapshots of the ledger and of the factors' counters.
pub struct Snapshots {
    /// The record.
    pub store: Arc<Store>,
    /// The ledger.
    pub ledger: SharedLedger,
}

impl CounterSnapshots for Snapshots {
    /// The size is read before the ledger: a call that ends in between is counted once too often after a restart, never too
    /// rarely.
    fn store(&self, counters: &FactorCounters) {
        let Ok(size) = self.store.reader().size() else { return };
        let ledger = self.ledger.with(|ledger| ledger.snapshot());
        if let Some(bytes) = encode(ledger, counters) {
            self.store.snapshot(bytes, ReceiptIndex(size));
        }
    }
}

/// Encodes a snapshot for the store.
pub fn encode(ledger: ledger::Snapshot, presence: &FactorCounters) -> Option<Bytes> {
    serde_json::to_vec(&Written { ledger, presence }).ok().map(Bytes::from)
}

/// Restores the newest snapshot and replays every receipt after it.
///
/// # Errors
/// The record cannot be read, or its snapshot is not the one it names.
pub fn replayed(
    reader: &Reader,
    mut each: impl FnMut(&mut ledger::Ledger, Receipt),
) -> Result<(ledger::Ledger, FactorCounters), StoreError> {
    let (mut ledger, mut counters, from) = match reader.ledger()? {
        None => (ledger::Ledger::new(), FactorCounters::default(), ReceiptIndex(0)),
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
