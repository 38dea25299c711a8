//! The pace of attempts to unlock. Attack 70.
//!
//! One attempt is checked at a time. After three failures each further one has to wait: 1 s, doubled with each failure, at most 60 s.
//! There is no lock-out, because other programs of this user could keep the person out with it. For the same reason the next attempt
//! is drawn by lot among the processes with the fewest failures, and a newcomer replaces a waiting attempt when many wait.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use briefcase_ports::MonotonicClock;
use briefcase_types::{Entropy, MonotonicTime};
use tokio::sync::Notify;

/// The failures after which attempts wait.
const FREE: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The number of waiting attempts, one of a process.
const WAITING: usize = 64;
/// The number of processes whose failures are remembered.
const REMEMBERED: usize = 1024;

/// The pace of attempts.
pub struct UnlockPace {
    timer: Arc<dyn MonotonicClock>,
    entropy: Arc<dyn Entropy>,
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    failures: u32,
    /// The time of the next attempt.
    next: MonotonicTime,
    checking: bool,
    waiting: Vec<WaitingAttempt>,
    /// The place of the attempt that was drawn for the next turn.
    drawn: Option<u64>,
    arrived: u64,
    /// The failures of each process since the last success.
    failures_of: HashMap<i32, u32>,
}

/// An attempt that waits for its turn.
struct WaitingAttempt {
    process: i32,
    place: u64,
    /// The failures of the process.
    failures: u32,
}

/// The attempt was not checked, because another one waits in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("other attempts to unlock are waiting; the next one is possible in {} s", .0.as_secs().saturating_add(1))]
pub struct TooManyWait(pub Duration);

/// The right to check one attempt. Dropping it without a result counts nothing, so an attempt is checked to its end.
pub struct UnlockTurn {
    pace: Arc<UnlockPace>,
    process: i32,
}

/// A waiting attempt, removed when dropped.
struct Waiting<'p>(&'p UnlockPace, u64);

/// Why an attempt has no turn.
enum NoTurn {
    /// The time of the next turn, if only time is missing.
    Wait(Option<MonotonicTime>),
    /// A newer attempt has taken its place.
    Replaced(TooManyWait),
}

impl UnlockPace {
    /// Starts without failures.
    pub fn new(timer: Arc<dyn MonotonicClock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { timer, entropy, inner: Mutex::default(), changed: Notify::new() }
    }

    /// Waits until an attempt of this process may be checked.
    ///
    /// # Errors
    /// An attempt of the same process waits, or many wait and a newer one has taken the place. The caller may try again.
    pub async fn turn(self: &Arc<Self>, process: i32) -> Result<UnlockTurn, TooManyWait> {
        let place = self.enqueue(process)?;
        let waiting = Waiting(self, place);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the state is read, so that no change is missed.
            changed.as_mut().enable();
            let next = match self.try_turn(place) {
                Ok(()) => break,
                Err(NoTurn::Wait(next)) => next,
                Err(NoTurn::Replaced(error)) => return Err(error),
            };
            match next {
                Some(next) => tokio::select! {
                    () = self.timer.sleep_until(next) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
        drop(waiting);
        Ok(UnlockTurn { pace: Arc::clone(self), process })
    }

    fn enqueue(&self, process: i32) -> Result<u64, TooManyWait> {
        let mut inner = self.lock();
        if inner.waiting.iter().any(|other| other.process == process) {
            return Err(self.too_many(&inner));
        }
        if inner.waiting.len() >= WAITING {
            let most = inner.waiting.iter().map(|attempt| attempt.failures).max().unwrap_or_default();
            let replaced = self.one_of(inner.waiting.iter().filter(|attempt| attempt.failures == most));
            inner.waiting.retain(|attempt| Some(attempt.place) != replaced);
            self.changed.notify_waiters();
        }
        inner.arrived += 1;
        let place = inner.arrived;
        let failures = inner.failures_of.get(&process).copied().unwrap_or_default();
        inner.waiting.push(WaitingAttempt { process, place, failures });
        Ok(place)
    }

    /// Takes the turn if it is this attempt's.
    fn try_turn(&self, place: u64) -> Result<(), NoTurn> {
        let mut inner = self.lock();
        if !inner.waiting.iter().any(|attempt| attempt.place == place) {
            return Err(NoTurn::Replaced(self.too_many(&inner)));
        }
        if inner.checking {
            return Err(NoTurn::Wait(None));
        }
        if self.timer.now() < inner.next {
            return Err(NoTurn::Wait(Some(inner.next)));
        }
        let drawn = inner.drawn;
        if !inner.waiting.iter().any(|attempt| Some(attempt.place) == drawn) {
            let fewest = inner.waiting.iter().map(|attempt| attempt.failures).min().unwrap_or_default();
            inner.drawn = self.one_of(inner.waiting.iter().filter(|attempt| attempt.failures == fewest));
            self.changed.notify_waiters();
        }
        if inner.drawn != Some(place) {
            return Err(NoTurn::Wait(None));
        }
        (inner.checking, inner.drawn) = (true, None);
        Ok(())
    }

    /// Draws one of these attempts by lot. Returns its place.
    fn one_of<'a>(&self, attempts: impl Iterator<Item = &'a WaitingAttempt>) -> Option<u64> {
        let lot = || {
            let mut lot = [0; 8];
            self.entropy.fill(&mut lot);
            u64::from_be_bytes(lot)
        };
        attempts.map(|attempt| (lot(), attempt.place)).min().map(|(_, place)| place)
    }

    fn too_many(&self, inner: &Inner) -> TooManyWait {
        TooManyWait(inner.next.since(self.timer.now()))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnlockTurn {
    /// Counts a failure. The next attempt waits for longer.
    pub fn failed(self) {
        let mut inner = self.pace.lock();
        inner.failures = inner.failures.saturating_add(1);
        inner.next = self.pace.timer.now().plus(wait_after(inner.failures));
        if inner.failures_of.len() >= REMEMBERED {
            inner.failures_of.clear();
        }
        let own = inner.failures_of.entry(self.process).or_default();
        *own = own.saturating_add(1);
    }

    /// Ends the count. Returns the failures before this success.
    pub fn succeeded(self) -> u32 {
        let mut inner = self.pace.lock();
        inner.next = MonotonicTime::default();
        inner.failures_of.clear();
        std::mem::take(&mut inner.failures)
    }
}

impl Drop for UnlockTurn {
    fn drop(&mut self) {
        self.pace.lock().checking = false;
        self.pace.changed.notify_waiters();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting.retain(|attempt| attempt.place != self.1);
        self.0.changed.notify_waiters();
    }
}

fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_WAIT.saturating_mul(1 << doublings.min(6)).min(LONGEST_WAIT),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use briefcase_ports::BoxFuture;

    use super::*;

    /// A clock that jumps to each deadline.
    #[derive(Default)]
    struct Jumps(AtomicU64);

    impl MonotonicClock for Jumps {
        fn now(&self) -> MonotonicTime {
            MonotonicTime::from_origin(Duration::from_millis(self.0.load(Ordering::SeqCst)))
        }

        fn sleep_until(&self, deadline: MonotonicTime) -> BoxFuture<'_, ()> {
            let millis = u64::try_from(deadline.since_origin().as_millis()).unwrap();
            self.0.fetch_max(millis, Ordering::SeqCst);
            Box::pin(std::future::ready(()))
        }
    }

    /// Numbers that differ and have no order that an attempt could use.
    #[derive(Default)]
    struct Lots(AtomicU64);

    impl Entropy for Lots {
        fn fill(&self, bytes: &mut [u8]) {
            let number = self.0.fetch_add(1, Ordering::SeqCst).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            bytes.iter_mut().zip(number.to_be_bytes()).for_each(|(byte, part)| *byte = part);
        }
    }

    fn pace(clock: Arc<Jumps>) -> Arc<UnlockPace> {
        Arc::new(UnlockPace::new(clock, Arc::new(Lots::default())))
    }

    #[tokio::test]
    async fn guesses_slow_down_to_one_a_minute_and_never_stop() {
        let clock = Arc::new(Jumps::default());
        let pace = pace(clock.clone());
        let mut at = Vec::new();
        for guess in 0..14 {
            // Another process for each guess brings nothing.
            let turn = pace.turn(guess).await.unwrap();
            at.push(clock.now().since_origin().as_secs());
            turn.failed();
        }
        assert_eq!(at, [0, 0, 0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363]);
        let turn = pace.turn(99).await.unwrap();
        assert_eq!(clock.now().since_origin().as_secs(), 423, "the right passphrase waits no longer than a wrong one");
        assert_eq!(turn.succeeded(), 14);
        pace.turn(99).await.unwrap().failed();
        let now = clock.now();
        drop(pace.turn(99).await.unwrap());
        assert_eq!(clock.now(), now, "the count begins anew");
    }

    #[tokio::test]
    async fn attempts_are_checked_one_at_a_time_and_a_newcomer_is_never_rejected() {
        let pace = pace(Arc::default());
        let turn = pace.turn(1).await.unwrap();
        let pids = (2..).take(WAITING);
        let mut waiting: Vec<_> = pids.map(|process| (process, Box::pin(pace.turn(process)))).collect();
        for (_, attempt) in &mut waiting {
            assert!(futures_util::poll!(attempt.as_mut()).is_pending());
        }
        assert!(pace.turn(2).await.is_err(), "one attempt of a process waits");
        let mut newcomer = Box::pin(pace.turn(9000));
        assert!(futures_util::poll!(newcomer.as_mut()).is_pending());
        let mut replaced = 0;
        for (_, attempt) in &mut waiting {
            replaced += usize::from(matches!(futures_util::poll!(attempt.as_mut()), std::task::Poll::Ready(Err(_))));
        }
        assert_eq!(replaced, 1, "it takes the place of one");
        turn.succeeded();
    }

    /// Processes that guess without end, in all places at once, against one attempt that is repeated when it is replaced.
    #[tokio::test]
    async fn greedy_attempts_do_not_keep_an_honest_one_from_its_turn() {
        const PERSON: i32 = 7;
        for (greedy, always_new) in [(8, false), (8, true), (WAITING, false), (WAITING, true), (3 * WAITING, false)] {
            let pace = pace(Arc::default());
            let mut next = 1000;
            let mut attempts: Vec<_> = Vec::new();
            let mut turns = 0;
            let begin = |attempts: &mut Vec<_>, process| attempts.push((process, Box::pin(pace.turn(process))));
            for _ in 0..greedy {
                next += 1;
                begin(&mut attempts, next);
            }
            begin(&mut attempts, PERSON);
            'person: loop {
                let mut ended = Vec::new();
                for (at, (process, attempt)) in attempts.iter_mut().enumerate() {
                    match futures_util::poll!(attempt.as_mut()) {
                        std::task::Poll::Pending => {}
                        std::task::Poll::Ready(Ok(_)) if *process == PERSON => break 'person,
                        std::task::Poll::Ready(Ok(turn)) => {
                            turns += 1;
                            turn.failed();
                            ended.push(at);
                        }
                        std::task::Poll::Ready(Err(_)) => ended.push(at),
                    }
                }
                for at in ended.into_iter().rev() {
                    let (process, _) = attempts.swap_remove(at);
                    next += 1;
                    begin(&mut attempts, if always_new && process != PERSON { next } else { process });
                }
                assert!(turns < 10 * WAITING, "{greedy} greedy attempts, {turns} turns");
            }
            let most = if always_new { 6 * (greedy + 1) } else { greedy };
            assert!(turns <= most, "{greedy} greedy attempts, {turns} turns");
        }
    }
}
