//! The open connections of each session: one, or several that are stateless.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use briefcase_types::SessionId;

/// Finds open connections by their session.
pub(crate) struct SessionIndex<T>(Mutex<HashMap<SessionId, Vec<Weak<T>>>>);

impl<T> Default for SessionIndex<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> SessionIndex<T> {
    /// Adds a connection.
    pub(crate) fn insert(&self, session: SessionId, connection: &Arc<T>) {
        self.lock().entry(session).or_default().push(Arc::downgrade(connection));
    }

    /// Removes a connection that ended.
    pub(crate) fn remove(&self, session: SessionId, ended: &T) {
        let mut sessions = self.lock();
        if let Some(open) = sessions.get_mut(&session) {
            open.retain(|other| !std::ptr::eq(other.as_ptr(), ended) && other.strong_count() > 0);
            if open.is_empty() {
                sessions.remove(&session);
            }
        }
    }

    /// The open connections of a session.
    pub(crate) fn of(&self, session: SessionId) -> Vec<Arc<T>> {
        self.lock().get(&session).into_iter().flatten().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Vec<Weak<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
