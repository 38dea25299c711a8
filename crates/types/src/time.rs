//! Time and randomness, which callers pass in.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Date;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

#[cfg(feature = "typescript")]
crate::serde_text::typescript_name!(UnixMillis, "number");

impl UnixMillis {
    /// Adds a duration, saturating at the largest time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The duration since `earlier`; zero when this time is not later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Subtracts a duration, saturating at 1970.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time for people, such as `2026-11-21 14:03:22Z`.
    #[must_use]
    pub fn utc(self) -> String {
        let seconds = self.0 / 1000;
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        let date = Date::from_days(days);
        let (year, month, day) = (date.year(), date.month(), date.day());
        format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
    }
}

/// A duration for people, such as `45 s`, `12 min`, `3 h` or `21 days`. Rounded down.
#[must_use]
pub fn rough_duration(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// The source of the wall-clock time.
///
/// Invariant: `now` goes back only when a person accepts an earlier time with a factor. It continues from the newest receipt
/// over a restart, and it advances at the pace of the boot clock. A wall clock that is set back therefore revives no expired
/// approval and no spent budget, and it does not stop time.
pub trait Clock: Send + Sync {
    /// Returns the time.
    fn now(&self) -> UnixMillis;
}

/// A source of random bytes: the operating system in production, a seed in tests.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// A point in monotonic time: the time since a fixed origin, which every clock chooses for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonotonicTime(Duration);

impl MonotonicTime {
    /// The point at this distance from the clock's origin.
    #[must_use]
    pub const fn from_origin(distance: Duration) -> Self {
        Self(distance)
    }

    /// The distance from the clock's origin.
    #[must_use]
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// This time and `duration` more. Saturates at the largest time.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// The time from `earlier` to this; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
