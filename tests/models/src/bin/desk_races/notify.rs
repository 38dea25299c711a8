//! Waiting, as the scheduler has it: `tokio::sync::Notify` as far as the desk uses it, and time-outs that may strike at any look.

use real_std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};
use shuttle::{
    rand::{Rng, thread_rng},
    sync::Mutex,
};

#[derive(Default)]
struct Waiting {
    /// How often all were woken.
    rounds: u64,
    wakers: Vec<Waker>,
}

/// Wakes all who wait.
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

    /// Wakes all who wait now.
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
    /// As tokio's: from here on nothing is missed.
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

/// The time was up.
pub struct Elapsed;

/// Runs `future`; whenever it waits, the time may be up. A short time is up sooner.
pub async fn timeout<F: Future>(time: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let odds = if time <= Duration::from_secs(1) { 2 } else { 30 };
    real_std::future::poll_fn(|context| {
        if let Poll::Ready(ready) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(ready));
        }
        if thread_rng().gen_range(0..odds) == 0 {
            return Poll::Ready(Err(Elapsed));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}
