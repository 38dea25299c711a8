//! Passkeys that were made in the console and wait until a person allows them, at a terminal or with another passkey.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::StatusCode;
use briefcase_types::{Digest, UnixMillis};
use serde_json::Value;

use crate::error::ApiError;

/// The time in which a person must allow a passkey.
const LIFETIME: Duration = Duration::from_secs(240);

/// The newest passkey that waits.
#[derive(Default)]
pub struct PendingPasskeys(Mutex<Option<PendingPasskey>>);

/// A passkey as a browser offered it.
#[derive(Clone)]
pub struct PendingPasskey {
    /// The name that the person gave it.
    pub label: String,
    /// JSON of the `PublicKeyCredential`.
    pub credential: Value,
    expires: UnixMillis,
    /// A different passkey was offered while this one or an earlier one waited.
    rivals: bool,
}

/// No passkey can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPendingPasskey {
    /// No passkey waits, or it expired.
    Absent,
    /// Two passkeys wait, and any program of this user could have made one of them.
    Rivals,
}

/// The confirmation code of a credential: 72 bits, as 12 characters. The browser that made the credential and the terminal that
/// allows it both show it, so that a person recognises their own.
#[must_use]
pub fn code(credential: &Value) -> String {
    let digest = Digest::labelled("briefcase/passkey-offer/1", &[&briefcase_json::canonical(credential)]).to_string();
    let letters: Vec<char> = digest.chars().take(12).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

impl PendingPasskeys {
    /// Adds a passkey. While a different one waits, neither can be allowed: the person cannot tell which of them they made.
    pub fn add(&self, label: String, credential: Value, now: UnixMillis) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let other =
            |waiting: &PendingPasskey| now < waiting.expires && (waiting.rivals || waiting.credential != credential);
        let rivals = kept.as_ref().is_some_and(other);
        *kept = Some(PendingPasskey { label, credential, expires: now.plus(LIFETIME), rivals });
    }

    /// The passkey that waits.
    ///
    /// # Errors
    /// Not exactly one waits.
    pub fn peek(&self, now: UnixMillis) -> Result<PendingPasskey, NoPendingPasskey> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let offer = kept.filter(|offer| now < offer.expires).ok_or(NoPendingPasskey::Absent)?;
        if offer.rivals { Err(NoPendingPasskey::Rivals) } else { Ok(offer) }
    }

    /// Removes it.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl From<NoPendingPasskey> for ApiError {
    fn from(reason: NoPendingPasskey) -> Self {
        match reason {
            NoPendingPasskey::Absent => Self::not_found("passkey waiting to be allowed", "briefcase factor list"),
            NoPendingPasskey::Rivals => Self::new(
                StatusCode::CONFLICT,
                "rivals",
                "More than one passkey was offered; one of them may not be yours.",
                "Wait five minutes and begin again. If it happens again, another program tries to enrol a passkey of its own.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_passkey_cannot_be_swapped_while_a_person_reviews_it() {
        let passkeys = PendingPasskeys::default();
        let at = |seconds: u64| UnixMillis(1_000_000).plus(Duration::from_secs(seconds));
        assert_eq!(passkeys.peek(at(0)).err(), Some(NoPendingPasskey::Absent));
        passkeys.add("mine".to_owned(), json!({ "id": "a" }), at(0));
        passkeys.add("mine".to_owned(), json!({ "id": "a" }), at(1));
        assert_eq!(passkeys.peek(at(1)).unwrap().credential, json!({ "id": "a" }));
        passkeys.add("mine".to_owned(), json!({ "id": "b" }), at(2));
        assert_eq!(passkeys.peek(at(2)).err(), Some(NoPendingPasskey::Rivals));
        passkeys.add("mine".to_owned(), json!({ "id": "b" }), at(3));
        assert_eq!(passkeys.peek(at(3)).err(), Some(NoPendingPasskey::Rivals));
        assert_eq!(passkeys.peek(at(243)).err(), Some(NoPendingPasskey::Absent));
        passkeys.add("mine".to_owned(), json!({ "id": "a" }), at(243));
        assert!(passkeys.peek(at(243)).is_ok());
    }
}
