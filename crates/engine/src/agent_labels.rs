//! The labels of agents, shared between the engine and the adapter that stores their snapshots.
//!
//! Invariant: labels belong to the *agent* and expire only with time while the daemon runs. A reconnect, a lock, a restart
//! or the stateless era does not remove them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use briefcase_policy::{
    label::Labels,
    label_book::{LabelBook, LabelSnapshot},
};
use briefcase_ports::MonotonicClock;
use briefcase_types::{AgentId, MonotonicTime};

/// A shared handle to the labels. It is made before the engine.
#[derive(Clone)]
pub struct AgentLabels {
    book: Arc<Mutex<LabelBook>>,
    timer: Arc<dyn MonotonicClock>,
    origin: MonotonicTime,
    /// The running time of earlier runs.
    before: Duration,
}

impl AgentLabels {
    /// Makes a handle to the labels after earlier runs.
    #[must_use]
    pub fn new(book: LabelBook, before: Duration, timer: Arc<dyn MonotonicClock>) -> Self {
        let origin = timer.now();
        Self { book: Arc::new(Mutex::new(book)), timer, origin, before }
    }

    fn running(&self) -> Duration {
        self.before.saturating_add(self.timer.now().since(self.origin))
    }

    fn lock(&self) -> MutexGuard<'_, LabelBook> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current labels of an agent, with labels that last `lifetime`.
    #[must_use]
    pub fn labels(&self, agent: &AgentId, lifetime: Duration) -> Labels {
        self.lock().labels(agent, self.running(), lifetime)
    }

    /// Adds labels that a receipt records.
    pub fn record(&self, agent: &AgentId, labels: Labels) {
        self.lock().record(agent, labels, self.running());
    }

    /// Adds labels. Returns those that the caller must record.
    #[must_use]
    pub fn add(&self, agent: &AgentId, labels: Labels) -> Labels {
        let mut book = self.lock();
        let now = self.running();
        let unrecorded = book.add(agent, labels, now);
        book.record(agent, unrecorded, now);
        unrecorded
    }

    /// Takes a snapshot.
    #[must_use]
    pub fn snapshot(&self) -> LabelSnapshot {
        self.lock().snapshot(self.running())
    }
}

impl std::fmt::Debug for AgentLabels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentLabels").finish_non_exhaustive()
    }
}
