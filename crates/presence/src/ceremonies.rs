//! Open WebAuthn ceremonies, by challenge. They are in memory only, so a restart ends all of them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use briefcase_types::UnixMillis;

/// The most open ceremonies; a person never needs as many.
const MAX_OPEN: usize = 64;

/// Open challenges with the state of each ceremony. Taking one removes it, whether or not the answer is valid.
pub(crate) struct Ceremonies<T> {
    open: Mutex<BTreeMap<Vec<u8>, Ceremony<T>>>,
    lifetime: Duration,
}

struct Ceremony<T> {
    since: UnixMillis,
    state: T,
}

impl<T> Ceremonies<T> {
    /// Makes an empty list. A person must answer within `lifetime`.
    pub(crate) const fn new(lifetime: Duration) -> Self {
        Self { open: Mutex::new(BTreeMap::new()), lifetime }
    }

    /// Opens a ceremony. Removes expired ones, and the oldest if there are too many.
    pub(crate) fn open(&self, challenge: Vec<u8>, state: T, now: UnixMillis) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, ceremony| !self.is_expired(ceremony.since, now));
        if open.len() >= MAX_OPEN {
            let oldest = open.iter().min_by_key(|(_, ceremony)| ceremony.since).map(|(challenge, _)| challenge.clone());
            oldest.and_then(|challenge| open.remove(&challenge));
        }
        open.insert(challenge, Ceremony { since: now, state });
    }

    /// Ends the ceremony of a challenge and returns its state, unless it has expired.
    pub(crate) fn take(&self, challenge: &[u8], now: UnixMillis) -> Option<T> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let ceremony = open.remove(challenge)?;
        (!self.is_expired(ceremony.since, now)).then_some(ceremony.state)
    }

    fn is_expired(&self, since: UnixMillis, now: UnixMillis) -> bool {
        now.since(since) > self.lifetime
    }
}
