//! Who may use the console's page: a one-time code becomes a session token that lives in the page's memory only.
//!
//! The code is in the fragment of an address that the CLI opens; it is valid once and for a minute. The token is no cookie,
//! so no other page can make a browser send it, and other services on `localhost` never see it. A session may look;
//! deciding takes a factor on top.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use briefcase_types::{Digest, Entropy, UnixMillis};

const CODE_LIVES: Duration = Duration::from_secs(60);
const SESSION_LIVES: Duration = Duration::from_secs(12 * 3600);
const CODES: usize = 8;
const SESSIONS: usize = 16;

/// The codes and sessions of the console. Only digests are kept.
#[derive(Default)]
pub struct ConsoleSessions(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    codes: HashMap<Digest, UnixMillis>,
    sessions: HashMap<Digest, UnixMillis>,
}

/// The code is unknown, used, or older than a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this address was used already or is older than a minute")]
pub struct BadCode;

impl ConsoleSessions {
    /// A new one-time code.
    pub fn new_code(&self, entropy: &dyn Entropy, now: UnixMillis) -> String {
        let (text, digest) = random_token(entropy);
        let mut inner = self.lock();
        inner.codes.retain(|_, until| now < *until);
        make_room(&mut inner.codes, CODES);
        inner.codes.insert(digest, now.plus(CODE_LIVES));
        text
    }

    /// Trades a code for a session token, once.
    pub fn trade(&self, code: &str, entropy: &dyn Entropy, now: UnixMillis) -> Result<String, BadCode> {
        let mut inner = self.lock();
        let until = inner.codes.remove(&digest(code)).ok_or(BadCode)?;
        if now >= until {
            return Err(BadCode);
        }
        let (text, digest) = random_token(entropy);
        inner.sessions.retain(|_, until| now < *until);
        make_room(&mut inner.sessions, SESSIONS);
        inner.sessions.insert(digest, now.plus(SESSION_LIVES));
        Ok(text)
    }

    /// Whether a token belongs to a live session.
    pub fn is_live(&self, token: &str, now: UnixMillis) -> bool {
        self.lock().sessions.get(&digest(token)).is_some_and(|until| now < *until)
    }

    /// Ends every session, as locking does.
    pub fn clear(&self) {
        *self.lock() = Inner::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(map: &mut HashMap<Digest, UnixMillis>, most: usize) {
    while map.len() >= most {
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
    use crate::process::clock::OsEntropy;

    #[test]
    fn a_code_works_once_and_for_a_minute() {
        let (sessions, now) = (ConsoleSessions::default(), UnixMillis(1_000));
        let code = sessions.new_code(&OsEntropy, now);
        let token = sessions.trade(&code, &OsEntropy, now).unwrap();
        assert!(sessions.is_live(&token, now));
        assert_eq!(sessions.trade(&code, &OsEntropy, now), Err(BadCode));
        let late = sessions.new_code(&OsEntropy, now);
        assert_eq!(sessions.trade(&late, &OsEntropy, now.plus(CODE_LIVES)), Err(BadCode));
        assert!(!sessions.is_live(&code, now), "a code is no token");
        assert!(!sessions.is_live(&token, now.plus(SESSION_LIVES)));
        sessions.clear();
        assert!(!sessions.is_live(&token, now));
    }
}
