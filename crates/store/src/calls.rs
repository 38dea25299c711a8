//! Calls between their intent and their outcome.
//!
//! Invariant: after applying the receipts of a log in order, [`OpenCalls`] contains exactly the intents without an
//! outcome or a reconciliation. Every commit stores the signed list, so a start finds interrupted calls without reading
//! the log.

use std::collections::HashMap;

use briefcase_receipts::{Kind, Receipt};
use briefcase_types::CallId;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenCalls(HashMap<CallId, u64>);

impl OpenCalls {
    pub(crate) fn from_intents(intents: impl IntoIterator<Item = (CallId, u64)>) -> Self {
        Self(intents.into_iter().collect())
    }

    pub(crate) fn see(&mut self, index: u64, receipt: &Receipt) {
        match &receipt.kind {
            Kind::Intent(intent) => drop(self.0.insert(intent.call, index)),
            Kind::Outcome(outcome) => drop(self.0.remove(&outcome.call)),
            Kind::Reconcile(orphan) => drop(self.0.remove(&orphan.call)),
            _ => {}
        }
    }

    /// Returns the intents' indexes, rising.
    pub(crate) fn indexes(&self) -> Vec<u64> {
        let mut indexes: Vec<u64> = self.0.values().copied().collect();
        indexes.sort_unstable();
        indexes
    }
}
