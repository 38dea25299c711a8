//! Limits how many messages per second a server may send without being asked.

use std::sync::{Mutex, PoisonError};

use briefcase_types::TokenBucket;
use tokio::time::Instant;

/// A rate limit that tasks share.
#[derive(Debug)]
pub(crate) struct SharedTokenBucket(Mutex<TokenBucket>);

impl SharedTokenBucket {
    pub(crate) fn new(per_second: u64, burst: u64) -> Self {
        Self(Mutex::new(TokenBucket::new(per_second, burst, Instant::now().into_std())))
    }

    /// Takes one token, if there is one.
    pub(crate) fn take(&self) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(Instant::now().into_std())
    }
}
