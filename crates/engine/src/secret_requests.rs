//! Elicitations that ask the person for a secret: refused, unless a person allowed the server to ask. An allowed one is marked.

use briefcase_output_filter::{asks_for_secret, mark_secret_request};
use briefcase_types::ServerId;
use bytes::Bytes;
use serde_json::Value;

use crate::Engine;

/// Whether a server's request asks the person for a secret, and may.
pub(crate) enum SecretRequestVerdict {
    /// The request asks for no secret.
    Harmless,
    /// The request asks for a secret, and a person allowed that. Contains the marked parameters.
    Marked(Bytes),
    /// The request asks for a secret, which nobody allowed.
    Refused,
}

impl Engine {
    /// Decides on a server's request that may ask for a secret.
    pub(crate) fn secret_request(&self, server: &ServerId, method: &str, params: &[u8]) -> SecretRequestVerdict {
        if method != "elicitation/create" {
            return SecretRequestVerdict::Harmless;
        }
        // Parameters that cannot be read cannot be judged.
        let Ok(value) = serde_json::from_slice::<Value>(params) else { return SecretRequestVerdict::Refused };
        let Some(found) = asks_for_secret(&value) else { return SecretRequestVerdict::Harmless };
        let authority = self.authority();
        let may_ask = authority.document().servers.get(server).is_some_and(|server| server.settings.ask_for_secrets);
        let marked = mark_secret_request(params, server.as_str()).filter(|_| may_ask);
        if let Some(marked) = marked {
            return SecretRequestVerdict::Marked(Bytes::from(marked));
        }
        tracing::warn!(
            %server,
            place = briefcase_types::text::printable(&found.place),
            word = found.word,
            "refused a request for a secret; `briefcase server set NAME --ask-for-secrets yes` allows such requests"
        );
        SecretRequestVerdict::Refused
    }
}
