//! Pins: a tool is identified by its whole definition, and a person accepted exactly that definition.
//!
//! Invariant: [`pin`] covers every node of a definition and the server that sent it, so no change of a tool keeps its
//! pin (attacks 2 and 3), but for the places that a person accepted as varying. A definition that cannot be named, or
//! that parsers read differently, is quarantined: it is neither shown nor called.

mod inspect;
mod poisoning_signals;
mod schemas;
mod varying;

use std::collections::BTreeSet;

pub use briefcase_schema::UncheckedPart;
use briefcase_types::{Digest, ServerId};
pub use inspect::{Inspected, Quarantine, Sound, inspect, look_alike};
pub use poisoning_signals::{PoisoningSignal, poisoning_signals};
pub use schemas::{Schemas, is_checkable};
use serde_json::Value;
pub use varying::mark_varying;

pub use crate::authority::{Difference, TOOLS_MAX, descriptive_place, differences as diff};

/// The longest definition.
pub const DEFINITION_BYTES_MAX: usize = 64 << 10;

/// Returns the digest of a definition: SHA-256 over the server id and the canonical JSON (RFC 8785) of the whole
/// definition.
#[must_use]
pub fn pin(server: &ServerId, definition: &Value) -> Digest {
    Digest::labelled("briefcase/pin/1", &[server.as_str().as_bytes(), &briefcase_json::canonical(definition)])
}

/// Returns the digest of a definition whose server changes the text at these places. Without a descriptive place among
/// them it is [`pin`].
#[must_use]
pub fn pin_varying(server: &ServerId, definition: &Value, places: &BTreeSet<String>) -> Digest {
    if places.is_empty() {
        return pin(server, definition);
    }
    let mut masked = definition.clone();
    let places = varying::mask(&mut masked, places);
    if places.is_empty() {
        return pin(server, definition);
    }
    let places = briefcase_json::canonical(&Value::from(places));
    Digest::labelled(
        "briefcase/pin-varying/1",
        &[server.as_str().as_bytes(), &briefcase_json::canonical(&masked), &places],
    )
}

#[cfg(test)]
mod tests;
