//! Time at the pace of a clock that nobody can set.
//!
//! Invariant: time never goes back except by [`PacedTime::set`], and it never stops. Attack 64.

use std::time::Duration;

use briefcase_types::UnixMillis;

/// A time, and the moment of the boot clock at which it was right.
#[derive(Debug)]
pub(super) struct PacedTime {
    time: UnixMillis,
    at: Duration,
}

impl PacedTime {
    /// The longest step of the computer's clock that is followed at once. A longer one is noticed first.
    pub(super) const LONGEST_STEP: Duration = Duration::from_secs(24 * 3600);

    pub(super) const fn new(time: UnixMillis, at: Duration) -> Self {
        Self { time, at }
    }

    /// The time: at the pace of the boot clock, or the computer's clock where that is a little ahead.
    pub(super) fn now(&mut self, computer: UnixMillis, boot: Duration) -> UnixMillis {
        let paced = self.paced(boot);
        if computer <= paced || computer.since(paced) > Self::LONGEST_STEP {
            return paced;
        }
        self.set(computer, boot);
        computer
    }

    /// The step of the computer's clock that is not followed yet.
    pub(super) fn step(&self, computer: UnixMillis, boot: Duration) -> Option<Duration> {
        Some(computer.since(self.paced(boot))).filter(|by| *by > Self::LONGEST_STEP)
    }

    /// Continues from `time`, unless that is in the past.
    pub(super) fn raise_to(&mut self, time: UnixMillis, computer: UnixMillis, boot: Duration) {
        if time > self.now(computer, boot) {
            self.set(time, boot);
        }
    }

    /// Continues from `time`, even when that is earlier.
    pub(super) const fn set(&mut self, time: UnixMillis, boot: Duration) {
        (self.time, self.at) = (time, boot);
    }

    fn paced(&self, boot: Duration) -> UnixMillis {
        self.time.plus(boot.saturating_sub(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);
    const S: Duration = Duration::from_secs(1);
    const NOW: UnixMillis = UnixMillis(1_795_253_400_000);

    #[test]
    fn time_passes_whatever_the_computers_clock_says() {
        for (name, wrong) in [("+2 d", NOW.plus(DAY * 2)), ("+400 d", NOW.plus(DAY * 400)), ("1970", UnixMillis(0))] {
            let newest = NOW.max(wrong);
            let mut time = PacedTime::new(NOW.min(wrong), S);
            time.raise_to(newest, NOW, S);
            let times: Vec<_> = (0..10).map(|n| time.now(NOW, S * (1 + 4 * n))).collect();
            assert!(times.windows(2).all(|pair| matches!(pair, [a, b] if b.since(*a) == S * 4)), "{name}: {times:?}");
        }
    }

    #[test]
    fn a_clock_moved_in_a_run_neither_stops_nor_turns_time() {
        let mut time = PacedTime::new(NOW, S);
        let mut before = time.now(NOW, S);
        let moves = [(0, 0), (3600, 0), (0, 4), (0, 3600), (7200, 3600), (86_400, 3601), (0, 90_000), (90_001, 90_001)];
        for (ahead, boot) in moves {
            let now = time.now(NOW.plus(S * ahead), S * (1 + boot));
            assert!(now >= before, "{ahead} {boot}");
            before = now;
        }
        // Two hours ahead of the boot clock since the fifth move; the last ones bring nothing new.
        assert_eq!(before, NOW.plus(S * (86_400 + 90_001 - 3601)));
    }

    #[test]
    fn a_long_step_waits_until_it_was_noticed() {
        let mut time = PacedTime::new(NOW, S);
        let wrong = NOW.plus(DAY * 2);
        assert_eq!(time.now(wrong, S * 2), NOW.plus(S));
        assert_eq!(time.step(wrong, S * 2), Some(DAY * 2 - S));
        time.set(wrong, S * 2);
        assert_eq!(time.step(wrong, S * 2), None);
        assert_eq!(time.now(NOW, S * 3), wrong.plus(S), "back again: time continues");
        time.set(NOW, S * 3);
        assert_eq!(time.now(NOW, S * 3), NOW, "a person accepted it");
    }
}
