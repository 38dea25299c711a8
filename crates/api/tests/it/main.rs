//! The contract's JSON, byte for byte: each type writes and reads the form that the other side was built for.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests say what they expect")]

mod bodies;
mod views;

use serde::{Serialize, de::DeserializeOwned};

/// `T` reads this text and writes exactly it.
fn pinned<T: Serialize + DeserializeOwned>(text: &str) {
    let read: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
}

/// `T` reads the first text and writes the second.
fn read_as<T: Serialize + DeserializeOwned>(given: &str, written: &str) {
    let read: T = serde_json::from_str(given).unwrap_or_else(|error| panic!("{given}: {error}"));
    assert_eq!(serde_json::to_string(&read).unwrap(), written);
}

/// `T` rejects this text.
fn rejected<T: DeserializeOwned>(text: &str) {
    assert!(serde_json::from_str::<T>(text).is_err(), "{text}");
}

/// Replaces `$D` by a digest and `$I` by an id, so that the texts stay readable.
fn filled(text: &str) -> String {
    text.replace("$D", &"A".repeat(43)).replace("$I", &"A".repeat(22))
}
