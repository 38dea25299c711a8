//! Open WebAuthn ceremonies: the purpose of each challenge. They are in memory only, so a restart ends them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use briefcase_types::UnixMillis;

/// The most open ceremonies. A person does not start more at once.
const MOST: usize = 64;

/// The open challenges and their purposes. Taking a challenge removes it, whether the response is valid or not.
pub(crate) struct Ceremonies<T> {
    open: Mutex<BTreeMap<Vec<u8>, Open<T>>>,
    lifetime: Duration,
}

struct Open<T> {
    since: UnixMillis,
    what: T,
}

impl<T> Ceremonies<T> {
    /// Makes an empty set. A challenge expires after `lifetime`.
    pub(crate) const fn new(lifetime: Duration) -> Self {
        Self { open: Mutex::new(BTreeMap::new()), lifetime }
    }

    /// Adds a challenge. Removes expired ones, and the oldest one when there are too many.
    pub(crate) fn open(&self, challenge: Vec<u8>, what: T, now: UnixMillis) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, ceremony| !self.is_over(ceremony.since, now));
        if open.len() >= MOST {
            let oldest = open.iter().min_by_key(|(_, ceremony)| ceremony.since).map(|(challenge, _)| challenge.clone());
            oldest.and_then(|challenge| open.remove(&challenge));
        }
        open.insert(challenge, Open { since: now, what });
    }

    /// Takes the purpose of a challenge, once and only before it expires.
    pub(crate) fn take(&self, challenge: &[u8], now: UnixMillis) -> Option<T> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let ceremony = open.remove(challenge)?;
        (!self.is_over(ceremony.since, now)).then_some(ceremony.what)
    }

    fn is_over(&self, since: UnixMillis, now: UnixMillis) -> bool {
        now.since(since) > self.lifetime
    }
}
