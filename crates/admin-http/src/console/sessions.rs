//! Console sessions: a one-time code becomes a session token, which the page keeps in memory only.
//!
//! The code is in the fragment of an address that the CLI opens. It is valid once, for a minute. The token is no cookie: no
//! other page can make a browser send it, and other services on `localhost` never receive it. A session may read; every
//! decision and change needs evidence as well.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use briefcase_types::{Digest, Entropy, UnixMillis};

const CODE_LIFETIME: Duration = Duration::from_secs(60);
const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 3600);
const MAX_CODES: usize = 8;
const MAX_SESSIONS: usize = 16;

/// The codes and sessions of the console, as digests.
#[derive(Default)]
pub struct ConsoleSessions(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    codes: HashMap<Digest, UnixMillis>,
    sessions: HashMap<Digest, UnixMillis>,
}

/// The code is unknown, was used, or is older than a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this address was used already or is older than a minute")]
pub struct BadCode;

impl ConsoleSessions {
    /// Makes a one-time code.
    pub fn new_code(&self, entropy: &dyn Entropy, now: UnixMillis) -> String {
        let (text, digest) = random_token(entropy);
        let mut inner = self.lock();
        inner.codes.retain(|_, until| now < *until);
        evict(&mut inner.codes, MAX_CODES);
        inner.codes.insert(digest, now.plus(CODE_LIFETIME));
        text
    }

    /// Exchanges a code for a session token.
    ///
    /// # Errors
    /// The code is not valid.
    pub fn exchange(&self, code: &str, entropy: &dyn Entropy, now: UnixMillis) -> Result<String, BadCode> {
        let mut inner = self.lock();
        let until = inner.codes.remove(&digest(code)).ok_or(BadCode)?;
        if now >= until {
            return Err(BadCode);
        }
        let (text, digest) = random_token(entropy);
        inner.sessions.retain(|_, until| now < *until);
        evict(&mut inner.sessions, MAX_SESSIONS);
        inner.sessions.insert(digest, now.plus(SESSION_LIFETIME));
        Ok(text)
    }

    /// The session of a token, if it has not expired.
    pub fn session(&self, token: &str, now: UnixMillis) -> Option<Digest> {
        let session = digest(token);
        self.lock().sessions.get(&session).is_some_and(|until| now < *until).then_some(session)
    }

    /// Ends every session and voids every code. Locking does so.
    pub fn clear(&self) {
        *self.lock() = Inner::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the entries that expire first until one more fits.
fn evict(map: &mut HashMap<Digest, UnixMillis>, limit: usize) {
    while map.len() >= limit {
        let Some(oldest) = map.iter().min_by_key(|(_, until)| **until).map(|(digest, _)| *digest) else { return };
        map.remove(&oldest);
    }
}

fn digest(text: &str) -> Digest {
    Digest::labelled("briefcase/console-token/1", &[text.as_bytes()])
}

fn random_token(entropy: &dyn Entropy) -> (String, Digest) {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    let text = Digest::from_bytes(bytes).to_string();
    let digest = digest(&text);
    (text, digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that never repeat.
    #[derive(Default)]
    struct CountingEntropy(std::sync::atomic::AtomicU8);

    impl Entropy for CountingEntropy {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn a_code_works_once_and_for_a_minute() {
        let (sessions, now, entropy) = (ConsoleSessions::default(), UnixMillis(1_000), CountingEntropy::default());
        let code = sessions.new_code(&entropy, now);
        let token = sessions.exchange(&code, &entropy, now).unwrap();
        assert!(sessions.session(&token, now).is_some());
        assert_eq!(sessions.exchange(&code, &entropy, now), Err(BadCode));
        let late = sessions.new_code(&entropy, now);
        assert_eq!(sessions.exchange(&late, &entropy, now.plus(CODE_LIFETIME)), Err(BadCode));
        assert!(sessions.session(&code, now).is_none(), "a code is no token");
        assert!(sessions.session(&token, now.plus(SESSION_LIFETIME)).is_none());
        sessions.clear();
        assert!(sessions.session(&token, now).is_none());
    }
}
