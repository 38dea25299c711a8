//! The one thread that writes.
//!
//! Invariant: an entry is acknowledged only after the commit it is in reached the disk. After the first failure nothing
//! is acknowledged until the state was read back from the disk, so the log has no holes.

use std::{sync::Arc, time::Duration};

use briefcase_ports::JournalError;
use briefcase_types::ReceiptIndex;

use crate::{
    Expect, StoreError,
    core::{Core, Keys, Ledger, Line, Reply, Work},
    head::Heads,
    queue::{Pace, Queue, Reopening, Turn},
    state_dir::StateDir,
};

/// Nothing came for so long: there is time to tidy up.
const IDLE: Duration = Duration::from_millis(250);

/// What the writer needs to read everything back.
pub(crate) struct Source {
    pub folder: StateDir,
    pub keys: Arc<Keys>,
    pub heads: Arc<Heads>,
    pub queue: Arc<Queue>,
}

/// Runs until the queue is closed.
pub(crate) fn run(core: Core, source: &Source) -> Result<(), StoreError> {
    let queue = &source.queue;
    let _guard = StopOnUnwind(Arc::clone(queue));
    let mut core = Some(core);
    let mut pace = Pace::default();
    loop {
        let idle = core.as_ref().filter(|core| core.log_is_full(true)).map(|_| IDLE);
        core = match queue.next(&mut pace, idle) {
            Turn::Commit(jobs, ledger) => core.and_then(|core| commit(core, queue, jobs, ledger)),
            Turn::Idle => core.and_then(|core| checkpoint(core, queue)),
            Turn::Reopen(reply) => {
                drop(core);
                reopen(source, &reply)
            }
            Turn::Close => return core.map_or(Ok(()), |mut core| core.finish()),
        };
    }
}

/// Commits; gives the state back unless a write failed.
fn commit(mut core: Core, queue: &Queue, jobs: Vec<(Work, Reply)>, ledger: Option<Ledger>) -> Option<Core> {
    let lines = core.prepare(jobs);
    if lines.is_empty() {
        return Some(core);
    }
    let first = match core.commit(&lines, ledger) {
        Ok(first) => first,
        Err(error) => {
            stop(queue, &error);
            let told = error.for_journal();
            lines.into_iter().filter_map(|line| line.reply).for_each(|reply| drop(reply.send(Err(told.clone()))));
            return None;
        }
    };
    acknowledge(lines, first);
    let full = core.log_is_full(false);
    let after = core.publish().and_then(|()| if full { core.checkpoint_log() } else { Ok(()) });
    after.map(|()| core).map_err(|error| stop(queue, &error)).ok()
}

fn acknowledge(lines: Vec<Line>, first: u64) {
    for (index, line) in (first..).zip(lines) {
        if let Some(reply) = line.reply {
            drop(reply.send(Ok(ReceiptIndex(index))));
        }
    }
}

fn checkpoint(mut core: Core, queue: &Queue) -> Option<Core> {
    let done = core.checkpoint_log();
    done.map(|()| core).map_err(|error| stop(queue, &error)).ok()
}

fn stop(queue: &Queue, error: &StoreError) {
    tracing::error!(%error, "the record cannot be written; nothing runs until the store is reopened");
    queue.stop(&error.for_journal());
}

fn reopen(source: &Source, reply: &Reopening) -> Option<Core> {
    match Core::load(&source.folder, &source.keys, &source.heads, Expect::Existing) {
        Ok((core, opened)) => {
            source.queue.resume();
            drop(reply.send(Ok(opened)));
            Some(core)
        }
        Err(error) => {
            source.queue.stop(&error.for_journal());
            drop(reply.send(Err(error)));
            None
        }
    }
}

/// Lets nobody wait for a writer that is gone.
struct StopOnUnwind(Arc<Queue>);

impl Drop for StopOnUnwind {
    fn drop(&mut self) {
        self.0.stop(&JournalError::Closed);
    }
}
