//! The ledger, shared between the engine and the adapter that stores its snapshots.

use std::sync::{Arc, Mutex, PoisonError};

use briefcase_policy::ledger::Ledger;

/// A shared handle to the ledger. It is made before the engine.
#[derive(Clone, Debug)]
pub struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    /// Makes a handle to a ledger.
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        Self(Arc::new(Mutex::new(ledger)))
    }

    /// Runs `use_ledger` in the ledger's critical section.
    pub fn with<R>(&self, use_ledger: impl FnOnce(&mut Ledger) -> R) -> R {
        use_ledger(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
