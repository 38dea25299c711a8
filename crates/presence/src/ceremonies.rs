//! Open WebAuthn ceremonies: what a challenge was given out for. In memory only, so a restart ends them all.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use briefcase_types::UnixMillis;

/// More than this many at once are not a person.
const MOST: usize = 64;

/// Challenges and what they stand for. Taking one removes it, whether the answer turns out right or wrong.
pub(crate) struct Ceremonies<T> {
    open: Mutex<BTreeMap<Vec<u8>, Open<T>>>,
    life: Duration,
}

struct Open<T> {
    since: UnixMillis,
    what: T,
}

impl<T> Ceremonies<T> {
    /// `life` is how long a person has to answer.
    pub(crate) const fn new(life: Duration) -> Self {
        Self { open: Mutex::new(BTreeMap::new()), life }
    }

    /// Remembers a challenge. Drops what is over, and the oldest if there are too many.
    pub(crate) fn open(&self, challenge: Vec<u8>, what: T, now: UnixMillis) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, ceremony| !self.is_over(ceremony.since, now));
        if open.len() >= MOST {
            let oldest = open.iter().min_by_key(|(_, ceremony)| ceremony.since).map(|(challenge, _)| challenge.clone());
            oldest.and_then(|challenge| open.remove(&challenge));
        }
        open.insert(challenge, Open { since: now, what });
    }

    /// What the challenge stood for, once, and only in time.
    pub(crate) fn take(&self, challenge: &[u8], now: UnixMillis) -> Option<T> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let ceremony = open.remove(challenge)?;
        (!self.is_over(ceremony.since, now)).then_some(ceremony.what)
    }

    fn is_over(&self, since: UnixMillis, now: UnixMillis) -> bool {
        now.since(since) > self.life
    }
}
