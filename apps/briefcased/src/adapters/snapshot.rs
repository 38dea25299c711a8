//! Snapshots of the ledger, the factors' counters and the agents' labels as of one receipt, so that a start need not replay the whole record.
//!
//! Invariant: the store seals a snapshot, and the newest commit's signature names the receipt that it is as of. Opening the
//! record therefore detects an older or missing snapshot.

use std::{sync::Arc, time::Duration};

use briefcase_engine::{agent_labels::AgentLabels, shared_ledger::SharedLedger};
use briefcase_policy::{
    label_book::{LabelBook, LabelSnapshot},
    ledger,
};
use briefcase_ports::Journal as _;
use briefcase_presence::{CounterSnapshots, FactorCounters};
use briefcase_receipts::Receipt;
use briefcase_store::{Reader, Store, StoreError};
use briefcase_types::ReceiptIndex;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Written<'c> {
    #[serde(skip_serializing_if = "LabelSnapshot::is_empty")]
    labels: &'c LabelSnapshot,
    ledger: ledger::Snapshot,
    presence: &'c FactorCounters,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(default)]
    labels: LabelSnapshot,
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
    /// The labels of agents.
    pub labels: AgentLabels,
}

impl CounterSnapshots for Snapshots {
    /// The size is read before the ledger: a call that ends in between is counted once too often after a restart, never too
    /// rarely.
    fn store(&self, counters: &FactorCounters) {
        let Ok(size) = self.store.reader().size() else { return };
        let ledger = self.ledger.with(|ledger| ledger.snapshot());
        if let Some(bytes) = encode(ledger, counters, &self.labels.snapshot()) {
            self.store.snapshot(bytes, ReceiptIndex(size));
        }
    }
}

/// Encodes a snapshot for the store.
pub fn encode(ledger: ledger::Snapshot, presence: &FactorCounters, labels: &LabelSnapshot) -> Option<Bytes> {
    let ledger = if labels.is_empty() { ledger } else { ledger.beside_labels() };
    serde_json::to_vec(&Written { labels, ledger, presence }).ok().map(Bytes::from)
}

/// The state that a start derives from the record.
pub struct Replayed {
    /// The amounts spent and reserved.
    pub ledger: ledger::Ledger,
    /// The attempts at the factors.
    pub counters: FactorCounters,
    /// The labels of agents.
    pub labels: LabelBook,
    /// The time that daemons have run on this state.
    pub running: Duration,
}

impl Replayed {
    fn nothing() -> Self {
        Self {
            ledger: ledger::Ledger::new(),
            counters: FactorCounters::default(),
            labels: LabelBook::default(),
            running: Duration::ZERO,
        }
    }
}

/// Restores the newest snapshot and replays every receipt after it.
///
/// # Errors
/// The record cannot be read, or its snapshot is not the one it names.
pub fn replayed(reader: &Reader, mut each: impl FnMut(&mut Replayed, Receipt)) -> Result<Replayed, StoreError> {
    let (mut replayed, from) = match reader.ledger()? {
        None => (Replayed::nothing(), ReceiptIndex(0)),
        Some((snapshot, upto)) => {
            if let Some(found) = snapshot.expose(newer_version) {
                return Err(StoreError::Newer { found, known: ledger::Snapshot::NEWEST.into() });
            }
            let read = snapshot.expose(|raw| serde_json::from_slice::<Read>(raw));
            let read = read.map_err(|_| StoreError::StateTampered { what: "the ledger cannot be read" })?;
            let replayed = Replayed {
                ledger: ledger::Ledger::restore(read.ledger),
                counters: read.presence,
                labels: LabelBook::restore(&read.labels),
                running: read.labels.running(),
            };
            (replayed, upto)
        }
    };
    reader.replay(from, |_, receipt| {
        replayed.counters.replay(&receipt);
        each(&mut replayed, receipt);
        Ok(())
    })?;
    Ok(replayed)
}
