//! The legacy handshake of a client's session. It is kept, so that the session continues when the daemon is back.
//!
//! Only the handshake is repeated. A request of the client is never sent twice, because it may have taken effect.

use briefcase_mcp::{Envelope, RequestId, method, notification};
use bytes::Bytes;
use serde::Deserialize;

use crate::daemon::Unavailable;

/// The id of a repeated `initialize`. No other request is open on its conversation.
const ID: &[u8] = br#""mcp-gateway/initialize""#;

/// The handshake of one session.
#[derive(Debug)]
pub(crate) struct Handshake {
    initialize: Envelope,
    agreed: Option<Agreed>,
    initialized: Option<Bytes>,
}

/// The parts of the daemon's response that the client relies on.
#[derive(Debug)]
struct Agreed {
    version: String,
    /// The notifications that tell the client to list again.
    changes: Vec<&'static str>,
}

#[derive(Deserialize)]
struct Answer {
    result: Negotiated,
}

#[derive(Deserialize)]
struct Negotiated {
    #[serde(rename = "protocolVersion")]
    version: String,
    #[serde(default)]
    capabilities: Capabilities,
}

#[derive(Default, Deserialize)]
struct Capabilities {
    tools: Option<List>,
    prompts: Option<List>,
    resources: Option<List>,
}

#[derive(Default, Deserialize)]
struct List {
    #[serde(default, rename = "listChanged")]
    changes: bool,
}

impl Handshake {
    /// Starts with the client's `initialize`.
    pub(crate) const fn begin(initialize: Envelope) -> Self {
        Self { initialize, agreed: None, initialized: None }
    }

    /// Whether this is the response that the handshake waits for.
    pub(crate) fn waits_for(&self, id: &RequestId) -> bool {
        self.agreed.is_none() && self.initialize.id() == Some(id)
    }

    /// Takes the daemon's response to the client's `initialize`. An error response leaves the session without a handshake.
    pub(crate) fn answered(&mut self, response: &[u8]) {
        self.agreed = serde_json::from_slice::<Answer>(response).ok().map(|answer| Agreed::of(answer.result));
    }

    /// Takes the client's `notifications/initialized`.
    pub(crate) fn confirmed(&mut self, notification: &Bytes) {
        self.initialized = Some(notification.clone());
    }

    /// Whether the session can continue on another connection.
    pub(crate) const fn is_complete(&self) -> bool {
        self.agreed.is_some()
    }

    /// The client's `initialize` with an id of the gateway's own.
    pub(crate) fn again(&self) -> Option<(RequestId, Bytes)> {
        let id = RequestId::from_json(Bytes::from_static(ID)).ok()?;
        let message = self.initialize.with_id(&id);
        Some((id, message))
    }

    /// Compares the response to a repeated `initialize` with the first one.
    ///
    /// # Errors
    /// The daemon refused, or speaks another version.
    pub(crate) fn agrees(&self, response: &[u8]) -> Result<(), Unavailable> {
        let next = "Restart the client's server.";
        let Ok(answer) = serde_json::from_slice::<Answer>(response) else {
            return Err(Unavailable::new("briefcased did not continue the session.", next));
        };
        if self.agreed.as_ref().is_some_and(|agreed| agreed.version == answer.result.version) {
            return Ok(());
        }
        Err(Unavailable::new("The new briefcased speaks another protocol version.", next))
    }

    /// The client's `notifications/initialized`.
    pub(crate) const fn initialized(&self) -> Option<&Bytes> {
        self.initialized.as_ref()
    }

    /// The notifications that tell the client to list again. A client that is not ready gets none.
    pub(crate) fn changes(&self) -> Vec<Bytes> {
        let agreed = self.agreed.as_ref().filter(|_| self.initialized.is_some());
        agreed.into_iter().flat_map(|agreed| &agreed.changes).map(|method| notification(method, None)).collect()
    }
}

impl Agreed {
    fn of(negotiated: Negotiated) -> Self {
        let Capabilities { tools, prompts, resources } = negotiated.capabilities;
        let lists = [
            (tools, method::TOOLS_LIST_CHANGED),
            (prompts, method::PROMPTS_LIST_CHANGED),
            (resources, method::RESOURCES_LIST_CHANGED),
        ];
        let changes = lists.into_iter().filter(|(list, _)| list.as_ref().is_some_and(|list| list.changes));
        Self { version: negotiated.version, changes: changes.map(|(_, method)| method).collect() }
    }
}
