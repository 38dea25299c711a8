//! Connections that have not shown a credential yet. They cannot keep others out: the oldest goes when more come.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::task::AbortHandle;

const PLACES: usize = 128;

/// Who is waiting to show a credential.
#[derive(Clone, Debug, Default)]
pub(super) struct Lobby(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    connections: VecDeque<(u64, Option<AbortHandle>)>,
}

/// A connection's place in the lobby, left when dropped or when it has shown a credential.
#[derive(Debug)]
pub(super) struct Place {
    lobby: Lobby,
    number: u64,
}

impl Lobby {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection.
    pub(super) fn enter(&self) -> Place {
        let mut waiting = self.waiting();
        waiting.last += 1;
        let number = waiting.last;
        waiting.connections.push_back((number, None));
        Place { lobby: self.clone(), number }
    }

    /// Says how to end a connection, and ends the oldest if there are too many.
    pub(super) fn entered(&self, number: u64, handle: AbortHandle) {
        let mut waiting = self.waiting();
        if let Some((_, own)) = waiting.connections.iter_mut().rfind(|(place, _)| *place == number) {
            *own = Some(handle);
        }
        let oldest = if waiting.connections.len() > PLACES { waiting.connections.pop_front() } else { None };
        drop(waiting);
        if let Some((_, Some(handle))) = oldest {
            handle.abort();
        }
    }
}

impl Place {
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The connection has shown a credential.
    pub(super) fn leave(&self) {
        self.lobby.waiting().connections.retain(|(number, _)| *number != self.number);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}
