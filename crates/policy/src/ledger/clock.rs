//! The ledger's time, and changes of the clock.

use std::time::Duration;

use briefcase_types::UnixMillis;
use serde::{Deserialize, Serialize};

use super::Ledger;

/// The time for which windows do not follow a step of the clock by days. A person who accepts the clock ends the wait. After
/// that time a wrong clock can cost one early renewal, and a right one costs at most this delay.
pub const SETTLES_AFTER: Duration = Duration::from_secs(3600);

/// A step of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockStep {
    /// The time after the step.
    at: UnixMillis,
    /// The length of the step in milliseconds.
    by: u64,
}

impl Ledger {
    /// Records a step of the clock: `at` is the time after it. Windows follow it after [`SETTLES_AFTER`].
    pub fn clock_stepped(&mut self, at: UnixMillis, by: Duration) {
        let pending = self.step.filter(|step| !step.is_settled(at));
        if pending.is_some_and(|step| step.at == at) {
            return;
        }
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.step = Some(ClockStep { at, by: by.saturating_add(pending.map_or(0, |step| step.by)) });
    }

    /// Continues from a time that a person accepted. When it is earlier, the amounts of later windows count in the present one.
    pub fn clock_accepted(&mut self, now: UnixMillis) {
        self.step = None;
        if now >= self.now {
            return;
        }
        self.now = now;
        for (counter, tally) in &mut self.counters {
            tally.period = tally.period.min(super::window::period(counter.window, now));
        }
        for hold in self.open.values_mut().flat_map(|open| &mut open.holds) {
            hold.period = hold.period.min(super::window::period(hold.counter.window, now));
        }
    }

    /// Advances the time. It never goes back.
    pub(super) fn advance(&mut self, now: UnixMillis) {
        self.now = self.now.max(self.window_time(now));
        self.step = self.step.filter(|step| !step.is_settled(now));
    }

    /// The time that decides on the current windows.
    pub(super) fn window_time(&self, now: UnixMillis) -> UnixMillis {
        match self.step {
            Some(step) if !step.is_settled(now) => UnixMillis(now.0.saturating_sub(step.by)),
            _ => now,
        }
    }
}

impl ClockStep {
    fn is_settled(&self, now: UnixMillis) -> bool {
        now >= self.at.plus(SETTLES_AFTER)
    }
}
