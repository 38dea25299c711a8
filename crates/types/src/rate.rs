//! A limit on how often something may happen.

use std::time::{Duration, Instant};

/// A bucket of tokens that refills with time. The time is an argument.
///
/// Invariant: in any span of time at most `burst` tokens and `per_second` for each of its seconds are taken.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    per_second: u64,
    burst: u64,
    /// The tokens left, in millionths.
    left: u64,
    at: Instant,
}

/// A whole token. One token per second refills one millionth in a microsecond.
const WHOLE: u64 = 1_000_000;
/// The longest pause that refills. It keeps the product of time and rate within 64 bits.
const LONGEST: Duration = Duration::from_secs(3600);

impl TokenBucket {
    /// Makes a full bucket.
    #[must_use]
    pub const fn new(per_second: u64, burst: u64, now: Instant) -> Self {
        Self { per_second, burst, left: burst.saturating_mul(WHOLE), at: now }
    }

    /// Takes one token. `false` when there is none left.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).min(LONGEST);
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        let refilled = self.left.saturating_add(micros.saturating_mul(self.per_second));
        self.left = refilled.min(self.burst.saturating_mul(WHOLE));
        // Less than a microsecond is counted the next time.
        if micros > 0 {
            self.at = now;
        }
        let Some(left) = self.left.checked_sub(WHOLE) else { return false };
        self.left = left;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bucket: &mut TokenBucket, now: Instant) -> usize {
        (0..100).filter(|_| bucket.take(now)).count()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_applies() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10, 5, start);
        assert_eq!(taken(&mut bucket, start), 5);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(99)), 0);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(100)), 1);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(350)), 2);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(3)), 5, "never more than the burst at once");
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(100_000)), 5);
    }

    #[test]
    fn looking_often_takes_nothing_away() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10, 1, start);
        assert!(bucket.take(start));
        let nanos = (0..1_000_000_u64).map(|n| start + Duration::from_nanos(n * 500));
        assert_eq!(nanos.filter(|now| bucket.take(*now)).count(), 4, "half a second at ten per second, less one");
    }

    #[test]
    fn a_time_before_the_last_one_refills_nothing() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(1_000_000, 1, start + Duration::from_secs(1));
        assert!(bucket.take(start + Duration::from_secs(1)));
        assert!(!bucket.take(start));
        assert!(!bucket.take(start + Duration::from_secs(1)));
    }

    #[test]
    fn the_largest_numbers_overflow_nothing() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(u64::MAX, u64::MAX, start);
        assert!(bucket.take(start + Duration::from_secs(1_000_000)));
        assert!(!TokenBucket::new(0, 0, start).take(start + LONGEST));
    }
}
