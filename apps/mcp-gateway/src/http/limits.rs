//! Limits of one agent: concurrent requests, connections and the request rate.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use briefcase_types::TokenBucket;

/// The maximum number of concurrent requests and streams per agent. Each session may have a stream open.
const AT_ONCE: usize = 1024;
/// The maximum number of connections per agent: one for each session's stream, and some for requests.
const CONNECTIONS: usize = 384;
/// The long-term request rate per second. It stops loops, far above honest use; the daemon enforces budgets.
const PER_SECOND: u64 = 20_000;
/// The maximum burst of requests.
const BURST: u64 = 40_000;

/// The current usage of one agent.
#[derive(Debug)]
pub(super) struct AgentLimits {
    at_once: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    rate: Mutex<TokenBucket>,
}

/// A permit that returns its unit when dropped.
#[derive(Debug)]
pub(super) struct LimitPermit(Arc<AtomicUsize>);

impl AgentLimits {
    pub(super) fn new() -> Self {
        let rate = Mutex::new(TokenBucket::new(PER_SECOND, BURST, Instant::now()));
        Self { at_once: Arc::default(), connections: Arc::default(), rate }
    }

    /// Takes a permit for a request; `None` at the limit or above the rate.
    pub(super) fn request(&self) -> Option<LimitPermit> {
        if !self.within_rate() {
            return None;
        }
        take(&self.at_once, AT_ONCE)
    }

    /// Takes a permit for a connection; `None` at the limit.
    pub(super) fn connection(&self) -> Option<LimitPermit> {
        take(&self.connections, CONNECTIONS)
    }

    fn within_rate(&self) -> bool {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
    }
}

fn take(count: &Arc<AtomicUsize>, limit: usize) -> Option<LimitPermit> {
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < limit).then_some(count.saturating_add(1)))
        .ok()
        .map(|_| LimitPermit(Arc::clone(count)))
}

impl Drop for LimitPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_limited_and_returned() {
        let limits = AgentLimits::new();
        let mut held: Vec<_> = std::iter::from_fn(|| limits.request()).collect();
        assert_eq!(held.len(), AT_ONCE);
        held.pop();
        assert!(limits.request().is_some());
        let connections: Vec<_> = std::iter::from_fn(|| limits.connection()).collect();
        assert_eq!(connections.len(), CONNECTIONS);
    }

    #[test]
    fn a_loop_is_slowed_down() {
        let limits = AgentLimits::new();
        let served = (0..3 * BURST).filter(|_| limits.request().is_some()).count();
        assert!(u64::try_from(served).unwrap() < 2 * BURST, "{served}");
    }
}
