//! Log levels, and limits on what a server may say unasked.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::splice::{Members, string};

/// The log levels, least severe first.
const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// The place of a level in the order of severity.
pub(crate) fn level(name: &str) -> Option<u8> {
    LEVELS.iter().position(|level| *level == name).and_then(|place| u8::try_from(place).ok())
}

/// The level of a log line's raw `params`. A line without a known level counts as an error.
pub(crate) fn level_of(params: &[u8]) -> u8 {
    let named = Members::of_bytes(params).and_then(|members| members.get("level").and_then(string));
    named.as_deref().and_then(level).unwrap_or(4)
}

/// So many per second, so many at once.
pub(crate) struct Bucket {
    per_second: u32,
    burst: u32,
    state: Mutex<(u32, Instant)>,
}

impl Bucket {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second: per_second.max(1), burst, state: Mutex::new((burst, Instant::now())) }
    }

    /// Whether one more may pass now.
    pub(crate) fn take(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *state;
        let each = Duration::from_secs(1) / self.per_second;
        let earned = u32::try_from(since.elapsed().as_nanos() / each.as_nanos().max(1)).unwrap_or(u32::MAX);
        let (left, since) = match earned {
            0 => (left, since),
            _ if left.saturating_add(earned) >= self.burst => (self.burst, Instant::now()),
            _ => (left.saturating_add(earned), since + each * earned),
        };
        *state = (left.saturating_sub(1), since);
        left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_an_unlabelled_line_is_not_hidden() {
        assert!(level("debug") < level("info") && level("error") < level("emergency"));
        assert_eq!(level("loud"), None);
        assert_eq!(level_of(br#"{"level":"alert","data":1}"#), 6);
        assert_eq!(level_of(b"[]"), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_cut_to_its_rate() {
        let bucket = Bucket::new(10, 5);
        assert_eq!((0..1000).filter(|_| bucket.take()).count(), 5);
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!((0..1000).filter(|_| bucket.take()).count(), 2);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!((0..1000).filter(|_| bucket.take()).count(), 5);
    }
}
