//! Console sessions: a one-time code becomes a session token, which the page keeps in its browser tab.
//!
//! The code is in the fragment of an address that the CLI opens. It is valid once, for a minute. The token is no cookie: no
//! other page can make a browser send it, and other services on `localhost` never receive it. A session may read; every
//! decision and change needs evidence as well.
//!
//! Any program of this user may make codes and sessions. It cannot end the person's with them ([`FairTable`]). Attack 70.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use briefcase_types::{Digest, Entropy, UnixMillis};

use crate::fair_table::{FairTable, TableLimits};

const CODE_LIFETIME: Duration = Duration::from_secs(60);
const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// Codes, and sessions, at a time.
const LIMITS: TableLimits = TableLimits { entries: 1024, weight: 1024 };

/// The codes and sessions of the console, as digests.
#[derive(Default)]
pub struct ConsoleSessions(Mutex<Inner>);

struct Inner {
    codes: FairTable<UnixMillis>,
    sessions: FairTable<UnixMillis>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { codes: FairTable::new(LIMITS), sessions: FairTable::new(LIMITS) }
    }
}

/// The code is unknown, was used, or is older than a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this address was used already or is older than a minute")]
pub struct BadCode;

impl ConsoleSessions {
    /// Makes a one-time code for a process.
    pub fn new_code(&self, process: i32, entropy: &dyn Entropy, now: UnixMillis) -> String {
        let (text, digest) = random_token(entropy);
        let mut inner = self.lock();
        inner.codes.retain(|until| now < *until);
        inner.codes.insert(digest, now.plus(CODE_LIFETIME), process, 1);
        text
    }

    /// Exchanges a code for a session token. The session belongs to the process that got the code.
    ///
    /// # Errors
    /// The code is not valid.
    pub fn exchange(&self, code: &str, entropy: &dyn Entropy, now: UnixMillis) -> Result<String, BadCode> {
        let mut inner = self.lock();
        let (until, process) = inner.codes.remove(&digest(code)).ok_or(BadCode)?;
        if now >= until {
            return Err(BadCode);
        }
        let (text, digest) = random_token(entropy);
        inner.sessions.retain(|until| now < *until);
        inner.sessions.insert(digest, now.plus(SESSION_LIFETIME), process, 1);
        Ok(text)
    }

    /// The session of a token, if it has not expired.
    pub fn session(&self, token: &str, now: UnixMillis) -> Option<Digest> {
        let session = digest(token);
        self.lock().sessions.use_entry(&session).is_some_and(|(until, _)| now < *until).then_some(session)
    }

    /// Records that a session gave evidence of a person's presence. Sessions without it cannot end this one.
    pub fn verify(&self, session: &Digest) {
        self.lock().sessions.verify(session);
    }

    /// Ends every session and voids every code. Locking does so.
    pub fn clear(&self) {
        *self.lock() = Inner::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    struct CountingEntropy(std::sync::atomic::AtomicU64);

    impl Entropy for CountingEntropy {
        fn fill(&self, bytes: &mut [u8]) {
            let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes();
            bytes.iter_mut().zip(number).for_each(|(byte, part)| *byte = part);
        }
    }

    #[test]
    fn a_code_works_once_and_for_a_minute() {
        let (sessions, now, entropy) = (ConsoleSessions::default(), UnixMillis(1_000), CountingEntropy::default());
        let code = sessions.new_code(7, &entropy, now);
        let token = sessions.exchange(&code, &entropy, now).unwrap();
        assert!(sessions.session(&token, now).is_some());
        assert_eq!(sessions.exchange(&code, &entropy, now), Err(BadCode));
        let late = sessions.new_code(7, &entropy, now);
        assert_eq!(sessions.exchange(&late, &entropy, now.plus(CODE_LIFETIME)), Err(BadCode));
        assert!(sessions.session(&code, now).is_none(), "a code is no token");
        assert!(sessions.session(&token, now.plus(SESSION_LIFETIME)).is_none());
        sessions.clear();
        assert!(sessions.session(&token, now).is_none());
    }

    #[test]
    fn other_programs_end_neither_the_address_nor_the_session_of_a_person() {
        let (sessions, now, entropy) = (ConsoleSessions::default(), UnixMillis(1_000), CountingEntropy::default());
        let login = |process| {
            let code = sessions.new_code(process, &entropy, now);
            sessions.exchange(&code, &entropy, now).unwrap()
        };
        let (decided, address) = (login(1), sessions.new_code(2, &entropy, now));
        sessions.verify(&sessions.session(&decided, now).unwrap());
        // One process.
        let codes: Vec<_> = (0..5000).map(|_| sessions.new_code(3, &entropy, now)).collect();
        let person = sessions.exchange(&address, &entropy, now).unwrap();
        codes.iter().for_each(|code| drop(sessions.exchange(code, &entropy, now)));
        (0..5000).for_each(|_| drop(login(3)));
        assert!(sessions.session(&person, now).is_some(), "one program ended another one's session");
        // A new process each time.
        (10..5010).for_each(|process| drop(login(process)));
        assert!(sessions.session(&decided, now).is_some(), "a session that decided something was ended");
    }
}
