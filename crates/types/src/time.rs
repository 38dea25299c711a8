//! Time and randomness, which callers pass in.

use std::time::Duration;

use serde::{Deserialize, Serialize};

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
}

/// The source of the wall-clock time.
///
/// Invariant: `now` never goes back. An implementation remembers the highest time that it returned, also over a restart (from
/// the last receipt), so that a clock that is set back cannot revive an expired approval or a spent budget.
pub trait Clock: Send + Sync {
    /// Returns the wall-clock time, never earlier than any time returned before.
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
