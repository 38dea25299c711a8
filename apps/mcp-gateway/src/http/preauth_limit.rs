//! Connections that have not shown a credential yet. They cannot keep others out: the oldest goes when more come.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::task::AbortHandle;

const MAX_PENDING: usize = 128;

/// Who is waiting to show a credential.
#[derive(Clone, Debug, Default)]
pub(super) struct PreauthLimit(Arc<Mutex<Pending>>);

#[derive(Debug, Default)]
struct Pending {
    last: u64,
    connections: VecDeque<(u64, Option<AbortHandle>)>,
}

/// A connection's place in the lobby, left when dropped or when it has shown a credential.
#[derive(Debug)]
pub(super) struct PreauthPermit {
    limit: PreauthLimit,
    number: u64,
}

impl PreauthLimit {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection.
    pub(super) fn admit(&self) -> PreauthPermit {
        let mut pending = self.pending();
        pending.last += 1;
        let number = pending.last;
        pending.connections.push_back((number, None));
        PreauthPermit { limit: self.clone(), number }
    }

    /// Says how to end a connection, and ends the oldest if there are too many.
    pub(super) fn register(&self, number: u64, handle: AbortHandle) {
        let mut pending = self.pending();
        if let Some((_, own)) = pending.connections.iter_mut().rfind(|(other, _)| *other == number) {
            *own = Some(handle);
        }
        let oldest = if pending.connections.len() > MAX_PENDING { pending.connections.pop_front() } else { None };
        drop(pending);
        if let Some((_, Some(handle))) = oldest {
            handle.abort();
        }
    }
}

impl PreauthPermit {
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The connection has shown a credential.
    pub(super) fn release(&self) {
        self.limit.pending().connections.retain(|(number, _)| *number != self.number);
    }
}

impl Drop for PreauthPermit {
    fn drop(&mut self) {
        self.release();
    }
}
