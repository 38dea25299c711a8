//! The system's clocks and random source. No other module reads them.

mod paced;

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use briefcase_ports::{AdjustableClock, BoxFuture, ClockJump, ClockReading, MonotonicClock};
use briefcase_receipts::ClockNotice;
use briefcase_types::{Clock, Entropy, MonotonicTime, UnixMillis};
use paced::PacedTime;
use tokio::time::Instant;

/// The record's time. It continues from the newest receipt and advances at the pace of the boot clock, which counts suspended
/// time. It follows the computer's clock ahead, but never back: see [`PacedTime`].
#[derive(Debug)]
pub struct SystemClock {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    time: PacedTime,
    /// Whether the time was compared with the newest receipt of an earlier run.
    compared: bool,
    step: Option<ClockJump>,
    /// Whether a notice says that the computer's clock is behind.
    behind: bool,
}

impl Default for SystemClock {
    fn default() -> Self {
        let time = PacedTime::new(computer_time(), boot_time());
        Self { inner: Mutex::new(Inner { time, compared: false, step: None, behind: false }) }
    }
}

impl SystemClock {
    fn with<R>(&self, use_inner: impl FnOnce(&mut Inner, UnixMillis, Duration) -> R) -> R {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        use_inner(&mut inner, computer_time(), boot_time())
    }

    /// Raises the clock: from here on it returns no time before `time`.
    pub fn raise_to(&self, time: UnixMillis) {
        self.with(|inner, computer, boot| inner.time.raise_to(time, computer, boot));
    }

    /// Continues from the newest receipt. Returns a notice when the computer's clock does not fit to it. Only the first call of a
    /// process compares: later ones know the elapsed time.
    pub fn continue_from(&self, newest: UnixMillis) -> Option<(ClockNotice, UnixMillis)> {
        self.with(|inner, computer, boot| {
            let first = !std::mem::replace(&mut inner.compared, true);
            let by = inner.time.now(computer, boot).since(newest);
            inner.time.raise_to(newest, computer, boot);
            if first && by > PacedTime::LONGEST_STEP {
                return Some(inner.stepped(by, computer, boot));
            }
            inner.newly_behind(computer, boot)
        })
    }

    /// Returns a notice when the computer's clock went ahead by more than [`PacedTime::LONGEST_STEP`], or once it is behind. The
    /// time follows a step ahead with [`Self::follow`], after the ledger and the lock-outs know of it.
    pub fn check(&self) -> Option<(ClockNotice, UnixMillis)> {
        self.with(|inner, computer, boot| match inner.time.step(computer, boot) {
            Some(by) => Some((ClockNotice::Ahead { by }, computer)),
            None => inner.newly_behind(computer, boot),
        })
    }

    /// Follows a step of the computer's clock.
    pub fn follow(&self) {
        self.with(|inner, computer, boot| {
            if let Some(by) = inner.time.step(computer, boot) {
                inner.time.set(computer, boot);
                let _ = inner.stepped(by, computer, boot);
            }
        });
    }
}

impl Inner {
    fn reading(&mut self, computer: UnixMillis, boot: Duration) -> ClockReading {
        ClockReading { now: self.time.now(computer, boot), computer, step: self.step }
    }

    fn stepped(&mut self, by: Duration, computer: UnixMillis, boot: Duration) -> (ClockNotice, UnixMillis) {
        let at = self.time.now(computer, boot);
        self.step = Some(ClockJump { at, by });
        (ClockNotice::Ahead { by }, at)
    }

    fn newly_behind(&mut self, computer: UnixMillis, boot: Duration) -> Option<(ClockNotice, UnixMillis)> {
        let reading = self.reading(computer, boot);
        let was_behind = std::mem::replace(&mut self.behind, reading.behind().is_some());
        let by = reading.behind().filter(|_| !was_behind)?;
        Some((ClockNotice::Behind { by }, reading.now))
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        self.with(|inner, computer, boot| inner.time.now(computer, boot))
    }
}

impl AdjustableClock for SystemClock {
    fn reading(&self) -> ClockReading {
        self.with(Inner::reading)
    }

    fn accept(&self) -> UnixMillis {
        self.with(|inner, computer, boot| {
            inner.time.set(computer, boot);
            (inner.step, inner.behind) = (None, false);
            computer
        })
    }
}

fn computer_time() -> UnixMillis {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The time since the computer started. Where the system does not report it, the time since this process first asked.
fn boot_time() -> Duration {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    briefcase_platform::boot_time().unwrap_or_else(|| FIRST.get_or_init(Instant::now).elapsed())
}

/// The system's monotonic clock. Its origin is the moment in which it was made.
#[derive(Debug)]
pub struct SystemTimer {
    origin: Instant,
}

impl Default for SystemTimer {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl MonotonicClock for SystemTimer {
    fn now(&self) -> MonotonicTime {
        MonotonicTime::from_origin(self.origin.elapsed())
    }

    fn sleep_until(&self, deadline: MonotonicTime) -> BoxFuture<'_, ()> {
        // A deadline beyond what the system's clock can express is never reached.
        match self.origin.checked_add(deadline.since_origin()) {
            Some(at) => Box::pin(tokio::time::sleep_until(at)),
            None => Box::pin(std::future::pending()),
        }
    }
}

/// The kernel's random source.
#[derive(Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // getrandom(2) without flags cannot fail once the pool is initialised; the daemon must not run without randomness.
        if getrandom::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}
