//! Waiting under the scheduler: `tokio::sync::Notify` as far as the queue uses it, and timeouts that may fire at any
//! poll.

use briefcase_ports::{BoxFuture, MonotonicClock};
use briefcase_types::MonotonicTime;
use real_std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use shuttle::{
    rand::{Rng, thread_rng},
    sync::Mutex,
};

#[derive(Default)]
struct Waiting {
    /// The number of wake-ups.
    rounds: u64,
    wakers: Vec<Waker>,
}

/// Wakes all waiters.
#[derive(Default)]
pub struct Notify {
    waiting: Mutex<Waiting>,
}

impl Notify {
    /// Waits for the next [`Notify::notify_waiters`] after this call or after `enable`, whichever is first.
    pub fn notified(&self) -> Notified<'_> {
        let since = self.waiting.lock().expect("not poisoned").rounds;
        Notified { notify: self, since }
    }

    /// Wakes all current waiters.
    pub fn notify_waiters(&self) {
        let mut waiting = self.waiting.lock().expect("not poisoned");
        waiting.rounds += 1;
        waiting.wakers.drain(..).for_each(Waker::wake);
    }
}

/// See [`Notify::notified`].
pub struct Notified<'a> {
    notify: &'a Notify,
    since: u64,
}

impl Notified<'_> {
    /// Registers the waiter, as in tokio: later notifications are not missed.
    pub fn enable(self: Pin<&mut Self>) -> bool {
        self.notify.waiting.lock().expect("not poisoned").rounds > self.since
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.notify.waiting.lock().expect("not poisoned");
        if waiting.rounds > self.since {
            return Poll::Ready(());
        }
        waiting.wakers.push(context.waker().clone());
        Poll::Pending
    }
}

/// Monotonic time under the scheduler: a sleep may end at any poll, and the clock then shows its deadline.
#[derive(Default)]
pub struct Timer {
    now: Mutex<MonotonicTime>,
}

impl MonotonicClock for Timer {
    fn now(&self) -> MonotonicTime {
        *self.now.lock().expect("not poisoned")
    }

    fn sleep_until(&self, deadline: MonotonicTime) -> BoxFuture<'_, ()> {
        Box::pin(real_std::future::poll_fn(move |context| {
            if thread_rng().gen_range(0..30) == 0 {
                let mut now = self.now.lock().expect("not poisoned");
                *now = (*now).max(deadline);
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }))
    }
}
