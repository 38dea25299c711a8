//! The queue of the writer, and the rule that starts a commit.
//!
//! Invariant: entries leave in the order of their arrival, and queueing an entry never waits for the disk.
//!
//! The writer commits the waiting entries at once. Under load it first lets a commit fill ([`Pace`]), because a commit
//! writes the same number of pages for one receipt as for sixty.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use briefcase_ports::{JournalError, Urgency};

use crate::{
    Opened, StoreError,
    writer_state::{LedgerSnapshot, ReplySender, Work},
};

/// The maximum number of waiting entries.
const MOST: usize = 65_536;
/// The maximum delay of a lazy entry.
const LAZY: Duration = Duration::from_millis(5);
/// The maximum time for which a commit fills.
const FILL: Duration = Duration::from_millis(8);

/// The caller that waits for a reopening.
pub(crate) type Reopening = std::sync::mpsc::Sender<Result<Opened, StoreError>>;

/// The next step of the writer.
pub(crate) enum Turn {
    /// Commit these entries.
    Commit(Vec<(Work, ReplySender)>, Option<LedgerSnapshot>),
    /// No entry arrived for a while.
    Idle,
    /// Read the state back from the disk.
    Reopen(Reopening),
    /// Finish and stop.
    Close,
}

#[derive(Default)]
struct Waiting {
    jobs: Vec<(Work, ReplySender)>,
    urgent: usize,
    since: Option<Instant>,
    ledger: Option<LedgerSnapshot>,
    reopen: Option<Reopening>,
    stopped: Option<JournalError>,
    closing: bool,
    /// The number of urgent entries that wakes the writer.
    wake_at: usize,
}

#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues work. Returns it when it is rejected; its caller then already has the reason.
    pub(crate) fn push(&self, work: Work, urgency: Urgency, reply: ReplySender) -> Option<Work> {
        let mut waiting = self.lock();
        let refusal = match &waiting.stopped {
            Some(error) => Some(error.clone()),
            None if waiting.closing => Some(JournalError::Closed),
            None if waiting.jobs.len() >= MOST => Some(JournalError::Overloaded),
            None => None,
        };
        if let Some(error) = refusal {
            drop(waiting);
            drop(reply.send(Err(error)));
            return Some(work);
        }
        let first = waiting.jobs.is_empty();
        waiting.jobs.push((work, reply));
        let wake = match urgency {
            Urgency::Now => {
                waiting.urgent = waiting.urgent.saturating_add(1);
                waiting.urgent == 1 || waiting.urgent == waiting.wake_at
            }
            Urgency::Lazy => first,
        };
        if first {
            waiting.since = Some(Instant::now());
        }
        drop(waiting);
        if wake {
            self.wake.notify_one();
        }
        None
    }

    /// Stores the newest ledger for the next commit.
    pub(crate) fn snapshot(&self, ledger: LedgerSnapshot) {
        let mut waiting = self.lock();
        if waiting.stopped.is_none() && !waiting.closing {
            waiting.ledger = Some(ledger);
        }
    }

    /// Fails all waiting and all later entries.
    pub(crate) fn stop(&self, error: &JournalError) {
        let mut waiting = self.lock();
        waiting.stopped = Some(error.clone());
        waiting.urgent = 0;
        waiting.ledger = None;
        let jobs = std::mem::take(&mut waiting.jobs);
        drop(waiting);
        for (_, reply) in jobs {
            drop(reply.send(Err(error.clone())));
        }
    }

    /// Returns the reason why entries are rejected.
    pub(crate) fn failure(&self) -> Option<JournalError> {
        self.lock().stopped.clone()
    }

    /// Accepts entries again.
    pub(crate) fn resume(&self) {
        self.lock().stopped = None;
    }

    pub(crate) fn reopen(&self, reply: Reopening) {
        let mut waiting = self.lock();
        if waiting.closing {
            drop(reply.send(Err(JournalError::Closed.into())));
        } else {
            waiting.reopen = Some(reply);
            self.wake.notify_one();
        }
    }

    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }

    /// Waits for the next step. After the time `idle` without an entry, the step is [`Turn::Idle`].
    pub(crate) fn next(&self, pace: &mut Pace, idle: Option<Duration>) -> Turn {
        let mut waiting = self.lock();
        loop {
            if let Some(reply) = waiting.reopen.take() {
                return Turn::Reopen(reply);
            }
            if waiting.urgent > 0 || (waiting.closing && !waiting.jobs.is_empty()) {
                return self.fill(waiting, pace);
            }
            let limit = match waiting.since.filter(|_| !waiting.jobs.is_empty()) {
                Some(since) if since.elapsed() >= LAZY => return take(waiting),
                Some(since) => Some(LAZY.saturating_sub(since.elapsed())),
                None if waiting.closing => return Turn::Close,
                None => idle,
            };
            waiting = match limit {
                None => self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(limit) => {
                    let (waiting, outcome) =
                        self.wake.wait_timeout(waiting, limit).unwrap_or_else(PoisonError::into_inner);
                    if outcome.timed_out() && waiting.jobs.is_empty() && !waiting.closing && waiting.reopen.is_none() {
                        return Turn::Idle;
                    }
                    waiting
                }
            };
        }
    }

    /// Lets a commit fill while the pace predicts further entries.
    fn fill<'a>(&'a self, mut waiting: MutexGuard<'a, Waiting>, pace: &mut Pace) -> Turn {
        let (target, gap, began) = (pace.target(), pace.gap(), Instant::now());
        let mut seen = 0;
        while waiting.urgent < target && waiting.urgent > seen && !waiting.closing && began.elapsed() < FILL {
            seen = waiting.urgent;
            waiting.wake_at = target;
            waiting = self.wake.wait_timeout(waiting, gap).unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting.wake_at = 0;
        pace.learn(waiting.urgent);
        take(waiting)
    }
}

fn take(mut waiting: MutexGuard<'_, Waiting>) -> Turn {
    waiting.urgent = 0;
    waiting.since = None;
    Turn::Commit(std::mem::take(&mut waiting.jobs), waiting.ledger.take())
}

/// A prediction of the urgent entries of the next commit, learnt from the last ones.
///
/// With one caller every commit has one urgent entry, and nothing waits. With many callers, a commit waits for about as
/// many entries as the last one had, and every eighth commit tries whether more arrive.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    expect: usize,
    turn: u32,
}

impl Pace {
    fn target(&mut self) -> usize {
        self.turn = self.turn.wrapping_add(1);
        match self.expect {
            0 | 1 => 1,
            _ if self.turn.is_multiple_of(8) => usize::MAX,
            expect => expect,
        }
    }

    /// The time without an arrival after which no entry is expected.
    fn gap(&self) -> Duration {
        let micros = u64::try_from(self.expect).unwrap_or(u64::MAX).saturating_mul(50);
        Duration::from_micros(micros.clamp(150, 1000))
    }

    fn learn(&mut self, urgent: usize) {
        let less = self.expect.saturating_sub((self.expect / 4).max(1));
        self.expect = urgent.max(less);
    }
}

#[cfg(test)]
mod tests {
    use briefcase_ports::Entry;
    use briefcase_receipts::{Kind, Notice, Receipt, Word};
    use briefcase_types::UnixMillis;
    use tokio::sync::oneshot;

    use super::*;

    type Answer = oneshot::Receiver<Result<briefcase_types::ReceiptIndex, JournalError>>;

    fn push(queue: &Queue, urgency: Urgency) -> Answer {
        let notice = Notice { what: Word::lossy("locked"), agent: None, server: None, detail: None };
        let receipt = Receipt { at: UnixMillis(1), kind: Kind::Notice(notice) };
        let (reply, answer) = oneshot::channel();
        queue.push(Work::Append(Entry { receipt, opening: None }), urgency, reply);
        answer
    }

    fn taken(turn: Turn) -> usize {
        match turn {
            Turn::Commit(jobs, _) => jobs.len(),
            _ => 0,
        }
    }

    #[test]
    fn entries_beyond_the_limit_fail_at_once_and_the_others_stay() {
        let queue = Queue::default();
        let waiting: Vec<Answer> = (0..MOST).map(|_| push(&queue, Urgency::Now)).collect();
        let mut late = push(&queue, Urgency::Now);
        assert!(matches!(late.try_recv(), Ok(Err(JournalError::Overloaded))));
        assert_eq!(taken(queue.next(&mut Pace::default(), None)), MOST);
        let mut again = push(&queue, Urgency::Now);
        assert!(again.try_recv().is_err(), "the queue accepts entries again");
        drop(waiting);
    }

    #[test]
    fn after_a_failure_everything_fails_until_it_is_resumed() {
        let queue = Queue::default();
        let mut before = push(&queue, Urgency::Lazy);
        queue.stop(&JournalError::Full);
        let mut after = push(&queue, Urgency::Now);
        assert!(matches!(before.try_recv(), Ok(Err(JournalError::Full))));
        assert!(matches!(after.try_recv(), Ok(Err(JournalError::Full))));
        queue.resume();
        let _waiting = push(&queue, Urgency::Now);
        assert_eq!(taken(queue.next(&mut Pace::default(), None)), 1);
    }

    #[test]
    fn one_caller_is_never_made_to_wait_for_others() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            assert_eq!(pace.target(), 1);
            pace.learn(1);
        }
        // Sixty callers were active and stopped.
        pace.learn(60);
        assert!(pace.target() > 1);
        (0..30).for_each(|_| pace.learn(1));
        assert_eq!(pace.target(), 1);
    }
}
