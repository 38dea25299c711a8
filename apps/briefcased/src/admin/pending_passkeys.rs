//! A passkey made in the console waits here until a person at a terminal, or with another passkey, allows it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::StatusCode;
use briefcase_types::{Digest, UnixMillis};
use serde_json::Value;

use super::error::ApiError;

const LIVES: Duration = Duration::from_secs(240);

/// The newest offer.
#[derive(Default)]
pub struct PendingPasskeys(Mutex<Option<PendingPasskey>>);

/// What a browser offered.
#[derive(Clone)]
pub struct PendingPasskey {
    /// The person's name for it.
    pub label: String,
    /// The browser's answer.
    pub credential: Value,
    until: UnixMillis,
    /// Another one came while the first waited.
    rivals: bool,
}

/// Why there is no offer to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPendingPasskey {
    /// Nothing waits, or for too long.
    None,
    /// Two wait, and any program of this user could have made one of them.
    Rivals,
}

/// A few characters that stand for a credential: shown by the browser that made it and by the terminal that allows it, so
/// that a person can tell their own from somebody else's. 72 bits.
#[must_use]
pub fn code(credential: &Value) -> String {
    let digest = Digest::labelled("briefcase/passkey-offer/1", &[&briefcase_json::canonical(credential)]).to_string();
    let letters: Vec<char> = digest.chars().take(12).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

impl PendingPasskeys {
    /// Takes an offer. One that would take the place of another that waits makes both worthless: the person cannot tell
    /// which of them they made.
    pub fn put(&self, label: String, credential: Value, now: UnixMillis) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let other =
            |waiting: &PendingPasskey| now < waiting.until && (waiting.rivals || waiting.credential != credential);
        let rivals = kept.as_ref().is_some_and(other);
        *kept = Some(PendingPasskey { label, credential, until: now.plus(LIVES), rivals });
    }

    /// Looks at the offer.
    ///
    /// # Errors
    /// When there is not exactly one.
    pub fn peek(&self, now: UnixMillis) -> Result<PendingPasskey, NoPendingPasskey> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let offer = kept.filter(|offer| now < offer.until).ok_or(NoPendingPasskey::None)?;
        if offer.rivals { Err(NoPendingPasskey::Rivals) } else { Ok(offer) }
    }

    /// Forgets it.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl From<NoPendingPasskey> for ApiError {
    fn from(reason: NoPendingPasskey) -> Self {
        match reason {
            NoPendingPasskey::None => Self::not_found("passkey waiting to be allowed", "briefcase factor list"),
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
    fn an_offer_cannot_be_swapped_while_a_person_looks_at_it() {
        let offers = PendingPasskeys::default();
        let at = |seconds: u64| UnixMillis(1_000_000).plus(Duration::from_secs(seconds));
        assert_eq!(offers.peek(at(0)).err(), Some(NoPendingPasskey::None));
        offers.put("mine".to_owned(), json!({ "id": "a" }), at(0));
        offers.put("mine".to_owned(), json!({ "id": "a" }), at(1));
        assert_eq!(offers.peek(at(1)).unwrap().credential, json!({ "id": "a" }));
        offers.put("mine".to_owned(), json!({ "id": "b" }), at(2));
        assert_eq!(offers.peek(at(2)).err(), Some(NoPendingPasskey::Rivals));
        offers.put("mine".to_owned(), json!({ "id": "b" }), at(3));
        assert_eq!(offers.peek(at(3)).err(), Some(NoPendingPasskey::Rivals));
        assert_eq!(offers.peek(at(243)).err(), Some(NoPendingPasskey::None));
        offers.put("mine".to_owned(), json!({ "id": "a" }), at(243));
        assert!(offers.peek(at(243)).is_ok());
    }
}
