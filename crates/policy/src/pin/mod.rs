//! Pins: a tool is identified by its whole definition, and a person accepted exactly that definition.
//!
//! Invariant: [`pin`] covers every node of a definition and the server that sent it, so no change of a tool keeps its
//! pin (attacks 2 and 3). A definition that cannot be pinned safely is quarantined: it is neither shown nor called.

mod inspect;
mod poisoning_signals;

use briefcase_types::{Digest, ServerId};
pub use inspect::{Inspected, Quarantine, Sound, inspect};
pub use poisoning_signals::{PoisoningSignal, poisoning_signals};
use serde_json::Value;

pub use crate::authority::{Difference, TOOLS_MAX, differences as diff};

/// The longest definition.
pub const DEFINITION_BYTES_MAX: usize = 64 << 10;

/// Returns the digest of a definition: SHA-256 over the server id and the canonical JSON (RFC 8785) of the whole
/// definition.
#[must_use]
pub fn pin(server: &ServerId, definition: &Value) -> Digest {
    Digest::labelled("briefcase/pin/1", &[server.as_str().as_bytes(), &briefcase_json::canonical(definition)])
}

#[cfg(test)]
mod tests;
