//! The pace of attempts to unlock. Attack 70.
//!
//! One attempt is checked at a time. After three failures each further one has to wait: 1 s, doubled with each failure, at most 60 s.
//! There is no lock-out, because other programs of this user could keep the person out with it. One attempt of a process waits at a
//! time, and few in all, so that an attempt of the person is not behind thousands of others.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use briefcase_ports::MonotonicClock;
use briefcase_types::MonotonicTime;
use tokio::sync::Notify;

/// The failures after which attempts wait.
const FREE: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The number of waiting attempts.
const WAITING: usize = 8;

/// The pace of attempts.
pub struct UnlockPace {
    timer: Arc<dyn MonotonicClock>,
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    failures: u32,
    /// The time of the next attempt.
    next: MonotonicTime,
    checking: bool,
    /// The processes with a waiting attempt, and their places in the order of arrival.
    waiting: Vec<(i32, u64)>,
    arrived: u64,
}

/// Another attempt waits already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("other attempts to unlock are waiting; the next one is possible in {} s", .0.as_secs().saturating_add(1))]
pub struct TooManyWait(pub Duration);

/// The right to check one attempt. Dropping it without a result counts nothing, so an attempt is checked to its end.
pub struct UnlockTurn(Arc<UnlockPace>);

/// A waiting attempt, removed when dropped.
struct Waiting<'p>(&'p UnlockPace, u64);

impl UnlockPace {
    /// Starts without failures.
    pub fn new(timer: Arc<dyn MonotonicClock>) -> Self {
        Self { timer, inner: Mutex::default(), changed: Notify::new() }
    }

    /// Waits until an attempt of this process may be checked.
    ///
    /// # Errors
    /// An attempt of the same process waits, or too many wait in all.
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
                Err(next) => next,
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
        Ok(UnlockTurn(Arc::clone(self)))
    }

    fn enqueue(&self, process: i32) -> Result<u64, TooManyWait> {
        let mut inner = self.lock();
        let same = inner.waiting.iter().any(|(other, _)| *other == process);
        if same || inner.waiting.len() >= WAITING {
            return Err(TooManyWait(inner.next.since(self.timer.now())));
        }
        inner.arrived += 1;
        let place = inner.arrived;
        inner.waiting.push((process, place));
        Ok(place)
    }

    /// Takes the turn if it is this attempt's. Returns the time to try again, or `None` to wait for a change.
    fn try_turn(&self, place: u64) -> Result<(), Option<MonotonicTime>> {
        let mut inner = self.lock();
        let first = inner.waiting.first().is_some_and(|(_, first)| *first == place);
        if inner.checking || !first {
            return Err(None);
        }
        if self.timer.now() < inner.next {
            return Err(Some(inner.next));
        }
        inner.checking = true;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnlockTurn {
    /// Counts a failure. The next attempt waits for longer.
    pub fn failed(self) {
        let mut inner = self.0.lock();
        inner.failures = inner.failures.saturating_add(1);
        inner.next = self.0.timer.now().plus(wait_after(inner.failures));
    }

    /// Ends the count. Returns the failures before this success.
    pub fn succeeded(self) -> u32 {
        let mut inner = self.0.lock();
        inner.next = MonotonicTime::default();
        std::mem::take(&mut inner.failures)
    }
}

impl Drop for UnlockTurn {
    fn drop(&mut self) {
        self.0.lock().checking = false;
        self.0.changed.notify_waiters();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting.retain(|(_, place)| *place != self.1);
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

    #[tokio::test]
    async fn guesses_slow_down_to_one_a_minute_and_never_stop() {
        let clock = Arc::new(Jumps::default());
        let pace = Arc::new(UnlockPace::new(clock.clone()));
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
    async fn attempts_are_checked_one_at_a_time_and_few_wait() {
        let pace = Arc::new(UnlockPace::new(Arc::new(Jumps::default())));
        let turn = pace.turn(1).await.unwrap();
        let mut waiting: Vec<_> = (2..10).map(|process| Box::pin(pace.turn(process))).collect();
        for attempt in &mut waiting {
            assert!(futures_util::poll!(attempt.as_mut()).is_pending());
        }
        assert!(pace.turn(2).await.is_err(), "one attempt of a process waits");
        assert!(pace.turn(11).await.is_err(), "few wait in all");
        turn.failed();
        let next = waiting.remove(0).await.unwrap();
        assert!(futures_util::poll!(waiting[0].as_mut()).is_pending());
        // A client that went away makes room.
        drop(waiting.pop());
        let mut another = Box::pin(pace.turn(11));
        assert!(futures_util::poll!(another.as_mut()).is_pending());
        drop(next);
        drop(waiting.remove(0).await.unwrap());
        waiting.clear();
        drop(another.await.unwrap());
    }
}
