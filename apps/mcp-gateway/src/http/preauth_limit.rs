//! Limits connections without a credential. When too many are open, the oldest is closed, so they cannot block others.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::task::AbortHandle;

const MAX_PENDING: usize = 128;

/// The connections without a credential.
#[derive(Clone, Debug, Default)]
pub(super) struct PreauthLimit(Arc<Mutex<Pending>>);

#[derive(Debug, Default)]
struct Pending {
    last: u64,
    connections: VecDeque<(u64, Option<AbortHandle>)>,
}

/// A connection's entry, removed when dropped or when the connection shows a credential.
#[derive(Debug)]
pub(super) struct PreauthPermit {
    limit: PreauthLimit,
    number: u64,
}

impl PreauthLimit {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a new connection.
    pub(super) fn admit(&self) -> PreauthPermit {
        let mut pending = self.pending();
        pending.last += 1;
        let number = pending.last;
        pending.connections.push_back((number, None));
        PreauthPermit { limit: self.clone(), number }
    }

    /// Stores the handle that closes a connection. Closes the oldest connection at the limit.
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

    /// Removes the connection, which has shown a credential.
    pub(super) fn release(&self) {
        self.limit.pending().connections.retain(|(number, _)| *number != self.number);
    }
}

impl Drop for PreauthPermit {
    fn drop(&mut self) {
        self.release();
    }
}
