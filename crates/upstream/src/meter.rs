//! How many messages per second a server may send unasked.

use std::{sync::Mutex, time::Duration};

use tokio::time::Instant;

/// A bucket of tokens that refills with time.
#[derive(Debug)]
pub(crate) struct Meter {
    per_second: u64,
    burst: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// In millionths of a token.
    left: u64,
    at: Instant,
}

const WHOLE: u64 = 1_000_000;

impl Meter {
    pub(crate) fn new(per_second: u64, burst: u64) -> Self {
        let state = Mutex::new(State { left: burst.saturating_mul(WHOLE), at: Instant::now() });
        Self { per_second, burst, state }
    }

    /// Takes one token, if there is one.
    pub(crate) fn take(&self) -> bool {
        let Ok(mut state) = self.state.lock() else { return false };
        let now = Instant::now();
        let passed = now.saturating_duration_since(state.at).min(Duration::from_secs(3600));
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        let refilled = state.left.saturating_add(micros.saturating_mul(self.per_second));
        state.left = refilled.min(self.burst.saturating_mul(WHOLE));
        state.at = now;
        let taken = state.left >= WHOLE;
        if taken {
            state.left -= WHOLE;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_then_the_rate_holds() {
        let meter = Meter::new(10, 5);
        assert_eq!((0..100).filter(|_| meter.take()).count(), 5);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((0..100).filter(|_| meter.take()).count(), 5, "never more than the burst at once");
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!((0..100).filter(|_| meter.take()).count(), 1);
    }
}
