//! Monotonic time, for waits and time limits. Wall-clock time is [`briefcase_types::Clock`].

use briefcase_types::MonotonicTime;

use crate::BoxFuture;

/// The monotonic clock. It never jumps, so a wait or a time limit is not changed by somebody who sets the wall clock.
pub trait MonotonicClock: Send + Sync {
    /// The time now.
    fn now(&self) -> MonotonicTime;

    /// Sleeps until `deadline`; returns at once when it has passed.
    fn sleep_until(&self, deadline: MonotonicTime) -> BoxFuture<'_, ()>;
}
