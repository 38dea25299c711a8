//! The single thread that writes.
//!
//! Invariant: an entry is acknowledged only after its commit reached the disk.
//!
//! Invariant: after the first failure nothing is acknowledged until the state was read back from the disk, so the log
//! has no holes.

use std::{sync::Arc, time::Duration};

use briefcase_ports::JournalError;
use briefcase_types::ReceiptIndex;

use crate::{
    ExpectedState, StoreError,
    head::Heads,
    overlap::OverlapFile,
    queue::{Pace, Queue, Reopening, Turn},
    state_dir::StateDir,
    writer_state::{Keys, LedgerSnapshot, Line, ReplySender, Work, WriterState},
};

/// The time without an entry after which the write-ahead log may be emptied.
const IDLE: Duration = Duration::from_millis(250);

/// The inputs for reading the state back.
pub(crate) struct WriterContext {
    pub folder: StateDir,
    pub keys: Arc<Keys>,
    pub heads: Arc<Heads>,
    pub overlap: Arc<OverlapFile>,
    pub queue: Arc<Queue>,
}

/// Runs until the queue is closed.
pub(crate) fn run(state: WriterState, context: &WriterContext) -> Result<(), StoreError> {
    let queue = &context.queue;
    let _guard = StopOnUnwind(Arc::clone(queue));
    let mut state = Some(state);
    let mut pace = Pace::default();
    loop {
        let idle = state.as_ref().filter(|state| state.log_is_full(true)).map(|_| IDLE);
        state = match queue.next(&mut pace, idle) {
            Turn::Commit(jobs, ledger) => state.and_then(|state| commit(state, context, jobs, ledger)),
            Turn::Idle => state.and_then(|state| checkpoint(state, context)),
            Turn::Reopen(reply) => {
                drop(state);
                reopen(context, &reply)
            }
            Turn::Close => {
                let finish = || context.overlap.finish(context.keys.seal.as_ref());
                return state.map_or(Ok(()), |mut state| state.finish().and_then(|()| finish()));
            }
        };
    }
}

/// Commits the entries. Returns the state unless a write failed.
fn commit(
    mut state: WriterState,
    context: &WriterContext,
    jobs: Vec<(Work, ReplySender)>,
    ledger: Option<LedgerSnapshot>,
) -> Option<WriterState> {
    let lines = state.prepare(jobs);
    if lines.is_empty() {
        return Some(state);
    }
    let first = match state.commit(&lines, ledger) {
        Ok(first) => first,
        Err(error) => {
            let failure = stop(context, &error);
            lines.into_iter().filter_map(|line| line.reply).for_each(|reply| drop(reply.send(Err(failure.clone()))));
            return None;
        }
    };
    acknowledge(lines, first, &context.overlap);
    let full = state.log_is_full(false);
    let after = state.publish().and_then(|()| if full { state.checkpoint_log() } else { Ok(()) });
    after.map(|()| state).map_err(|error| drop(stop(context, &error))).ok()
}

fn acknowledge(lines: Vec<Line>, first: u64, overlap: &OverlapFile) {
    for (index, line) in (first..).zip(lines) {
        if let Some(slot) = line.slot {
            overlap.clear(slot);
        }
        if let Some(reply) = line.reply {
            drop(reply.send(Ok(ReceiptIndex(index))));
        }
    }
}

fn checkpoint(mut state: WriterState, context: &WriterContext) -> Option<WriterState> {
    let done = state.checkpoint_log();
    done.map(|()| state).map_err(|error| drop(stop(context, &error))).ok()
}

/// Fails all waiting and later entries. Returns the reason.
fn stop(context: &WriterContext, error: &StoreError) -> JournalError {
    let failure = match error.for_journal() {
        JournalError::Io(text) => context.folder.write_failure().unwrap_or(JournalError::Io(text)),
        failure => failure,
    };
    tracing::error!(%error, reason = %failure, "the record cannot be written; nothing runs until the store is reopened");
    context.queue.stop(&failure);
    failure
}

fn reopen(context: &WriterContext, reply: &Reopening) -> Option<WriterState> {
    match WriterState::load(&context.folder, &context.keys, &context.heads, &context.overlap, ExpectedState::Existing) {
        Ok((state, opened)) => {
            context.queue.resume();
            drop(reply.send(Ok(opened)));
            Some(state)
        }
        Err(error) => {
            context.queue.stop(&error.for_journal());
            drop(reply.send(Err(error)));
            None
        }
    }
}

/// Fails waiting entries when the writer's thread panics.
struct StopOnUnwind(Arc<Queue>);

impl Drop for StopOnUnwind {
    fn drop(&mut self) {
        self.0.stop(&JournalError::Closed);
    }
}
