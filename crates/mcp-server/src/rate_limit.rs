//! A token bucket that many tasks share.

use std::sync::{Mutex, PoisonError};

use briefcase_types::TokenBucket;
use tokio::time::Instant;

/// Allows so many events per second, and so many at once.
pub(crate) struct RateLimit(Mutex<TokenBucket>);

impl RateLimit {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let now = Instant::now().into_std();
        Self(Mutex::new(TokenBucket::new(per_second.max(1).into(), burst.into(), now)))
    }

    /// Takes one token. Returns `false` when there is none.
    pub(crate) fn take(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now().into_std())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_cut_to_its_rate() {
        let limit = RateLimit::new(10, 5);
        assert_eq!((0..1000).filter(|_| limit.take()).count(), 5);
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!((0..1000).filter(|_| limit.take()).count(), 2);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!((0..1000).filter(|_| limit.take()).count(), 5);
    }
}
