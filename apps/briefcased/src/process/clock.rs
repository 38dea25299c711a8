//! The system's clocks and random source. No other module reads them.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use briefcase_ports::{BoxFuture, MonotonicClock};
use briefcase_types::{Clock, Entropy, MonotonicTime, UnixMillis};
use tokio::time::Instant;

/// The system's wall clock, which never goes back: neither while the daemon runs nor below the newest receipt of an earlier run.
#[derive(Debug, Default)]
pub struct SystemClock {
    highest: AtomicU64,
}

impl SystemClock {
    /// Raises the clock: from here on it returns no time before `time`.
    pub fn raise_to(&self, time: UnixMillis) {
        self.highest.fetch_max(time.0, Ordering::AcqRel);
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let system = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        UnixMillis(self.highest.fetch_max(system, Ordering::AcqRel).max(system))
    }
}

/// The system's monotonic clock. Its origin is the moment in which it was made.
#[derive(Debug)]
pub struct SystemTimer {
    origin: Instant,
}

impl Default for SystemTimer {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl MonotonicClock for SystemTimer {
    fn now(&self) -> MonotonicTime {
        MonotonicTime::from_origin(self.origin.elapsed())
    }

    fn sleep_until(&self, deadline: MonotonicTime) -> BoxFuture<'_, ()> {
        // A deadline beyond what the system's clock can express is never reached.
        match self.origin.checked_add(deadline.since_origin()) {
            Some(at) => Box::pin(tokio::time::sleep_until(at)),
            None => Box::pin(std::future::pending()),
        }
    }
}

/// The kernel's random source.
#[derive(Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // getrandom(2) without flags cannot fail once the pool is initialised; the daemon must not run without randomness.
        if getrandom::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_below_what_it_has_seen() {
        let clock = SystemClock::default();
        let now = clock.now();
        clock.raise_to(UnixMillis(now.0 + 3_600_000));
        assert!(clock.now().0 >= now.0 + 3_600_000);
    }
}
