//! Texts of servers for people, for the log and for the database: definitions, names, error texts.
//!
//! A server can write a secret that it received into its greeting or into a definition. Every such text passes here before a
//! person sees it or it is stored, as results do on their way to the agent.
//!
//! **At rest.** An accepted definition is stored without the secrets of the vault. Its pin still covers the bytes that the
//! server sent, and every call compares those bytes, so a change of the secret in them is a change of the tool. Refusing such
//! definitions would be simpler, but a secret is often also an ordinary word, such as a user name. Its tools would be lost.
//! The sealed authority document binds the stored bytes of every definition, so an edited one stops the start although its pin
//! cannot be computed from it. A tool whose *name* contains a secret is refused: a name is a key in the authority, in policies
//! and in receipts, and cannot be replaced there.

use std::sync::Arc;

use briefcase_output_filter::{REDACTED, Redactor, redact_json};
use briefcase_types::{Transport, text};
use bytes::Bytes;
use serde_json::Value;

use crate::Engine;

/// The text when a secret cannot be read, so that nothing can be compared with it.
const WITHHELD: &str = "[withheld: a secret of the vault cannot be read]";

/// Removes the secrets of the vault from texts of servers. Without a redactor, it removes the texts.
pub struct ServerTexts(Option<Arc<Redactor>>);

impl Engine {
    /// The filter for texts of servers, with all secrets of the vault.
    pub fn server_texts(&self) -> ServerTexts {
        ServerTexts(self.all_secrets())
    }

    /// The filter with the secrets of one server's connection.
    pub fn own_texts(&self, transport: &Transport) -> ServerTexts {
        ServerTexts(self.build_redactor(transport.secrets()))
    }
}

impl ServerTexts {
    /// Returns the text without secrets, and with visible hidden characters.
    pub fn text(&self, given: &str) -> String {
        let Some(redactor) = &self.0 else { return WITHHELD.to_owned() };
        match redactor.redact(given) {
            Some((redacted, _)) => text::printable(&redacted),
            None => text::printable(given),
        }
    }

    /// Returns the value without secrets.
    pub fn value(&self, given: &Value) -> Value {
        let raw = Bytes::from(given.to_string());
        self.stored(&raw).and_then(|stored| serde_json::from_slice(&stored).ok()).unwrap_or_default()
    }

    /// Returns the JSON text as it may be stored: without secrets, otherwise unchanged. Returns `None` when secrets cannot be
    /// found in it.
    pub fn stored(&self, raw: &Bytes) -> Option<Bytes> {
        let redactor = self.0.as_ref()?;
        redact_json(raw, redactor).ok().map(|redacted| redacted.unwrap_or_else(|| raw.clone()))
    }

    /// Returns whether a name contains a secret, or may contain one.
    pub fn taints(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|redactor| redactor.redact(name).is_some())
    }
}

/// Returns whether the stored bytes of a definition are without a secret that the server sent.
pub fn is_redacted(stored: &[u8]) -> bool {
    stored.windows(REDACTED.len()).any(|window| window == REDACTED.as_bytes())
}

impl std::fmt::Debug for ServerTexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerTexts(..)")
    }
}
