//! Monotonic time for waits and time limits, and the administration of the wall clock. Wall-clock time is
//! [`briefcase_types::Clock`].

use std::time::Duration;

use briefcase_types::{Clock, MonotonicTime, UnixMillis};

use crate::BoxFuture;

/// The monotonic clock. It never jumps, so a wait or a time limit is not changed by somebody who sets the wall clock.
pub trait MonotonicClock: Send + Sync {
    /// The time now.
    fn now(&self) -> MonotonicTime;

    /// Sleeps until `deadline`; returns at once when it has passed.
    fn sleep_until(&self, deadline: MonotonicTime) -> BoxFuture<'_, ()>;
}

/// The wall clock, which a person can correct.
pub trait AdjustableClock: Clock {
    /// Compares the record's time with the computer's clock.
    fn reading(&self) -> ClockReading;

    /// Makes the computer's clock the record's time, even when that is earlier. Returns the new time. Callers need a factor.
    fn accept(&self) -> UnixMillis;
}

/// The record's time beside the computer's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The record's time.
    pub now: UnixMillis,
    /// The time of the computer's clock.
    pub computer: UnixMillis,
    /// The latest step ahead that no running daemon measured, unless a person accepted the clock since.
    pub step: Option<ClockJump>,
}

/// A step of the computer's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockJump {
    /// The record's time after the step.
    pub at: UnixMillis,
    /// The length of the step.
    pub by: Duration,
}

impl ClockReading {
    /// A smaller difference is not mentioned.
    const TOLERANCE: Duration = Duration::from_secs(120);

    /// The time by which the computer's clock is behind the record, if it is worth mentioning.
    #[must_use]
    pub fn behind(&self) -> Option<Duration> {
        Some(self.now.since(self.computer)).filter(|by| *by > Self::TOLERANCE)
    }
}
