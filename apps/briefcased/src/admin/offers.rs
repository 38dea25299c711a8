//! A passkey made in the console waits here until a person at a terminal, or with another passkey, allows it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use briefcase_types::UnixMillis;
use serde_json::Value;

const LIVES: Duration = Duration::from_secs(240);

/// The newest offer.
#[derive(Default)]
pub struct Offers(Mutex<Option<Offer>>);

/// What a browser offered.
#[derive(Clone)]
pub struct Offer {
    /// The person's name for it.
    pub label: String,
    /// The browser's answer.
    pub credential: Value,
    until: UnixMillis,
}

impl Offers {
    /// Replaces the offer.
    pub fn put(&self, label: String, credential: Value, now: UnixMillis) {
        let offer = Offer { label, credential, until: now.plus(LIVES) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(offer);
    }

    /// Looks at the offer, if it is not too old.
    pub fn peek(&self, now: UnixMillis) -> Option<Offer> {
        let offer = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        offer.filter(|offer| now < offer.until)
    }

    /// Forgets it.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
