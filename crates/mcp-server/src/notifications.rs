//! Debounces the change notifications of one connection, and limits the log messages it gets.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{config::Config, rate_limit::RateLimit, subscriptions::ChangeNotice};

/// Changes that may be pending. More are dropped.
const MAX_PENDING: usize = 1024;

/// The changes that a connection has not been notified of yet.
pub(crate) struct PendingNotifications {
    pending: Mutex<Pending>,
    scheduled: AtomicBool,
    /// Limits log messages and other notifications that are sent at once.
    pub(crate) rate: RateLimit,
}

#[derive(Default)]
struct Pending {
    changes: BTreeSet<ChangeNotice>,
    last_sent: Option<Instant>,
}

impl PendingNotifications {
    pub(crate) fn new(logs_per_second: u32) -> Self {
        Self {
            pending: Mutex::default(),
            scheduled: AtomicBool::new(false),
            rate: RateLimit::new(logs_per_second, logs_per_second.saturating_mul(2)),
        }
    }

    /// Adds a change. Returns the delay after which the caller has to send the changes, or `None` when that is scheduled
    /// already.
    pub(crate) fn add(&self, change: ChangeNotice, config: &Config) -> Option<Duration> {
        let delay = {
            let mut pending = self.lock();
            if pending.changes.len() < MAX_PENDING {
                pending.changes.insert(change);
            }
            let next = pending.last_sent.map_or_else(Instant::now, |last| last + config.notification_interval);
            next.saturating_duration_since(Instant::now()).max(config.debounce)
        };
        (!self.scheduled.swap(true, Ordering::AcqRel)).then_some(delay)
    }

    /// Takes the changes to be sent now.
    pub(crate) fn take(&self) -> BTreeSet<ChangeNotice> {
        self.scheduled.store(false, Ordering::Release);
        let mut pending = self.lock();
        pending.last_sent = Some(Instant::now());
        std::mem::take(&mut pending.changes)
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
