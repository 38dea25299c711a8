//! Connections: which client, which session, which server.

use std::sync::Arc;

use briefcase_types::{AgentId, Era, ServerId, SessionId};
use bytes::Bytes;

/// The agent's client, as it described itself. Forwarded to upstreams.
#[derive(Debug)]
pub struct ClientProfile {
    /// The era it uses.
    pub era: Era,
    /// The protocol version it requested.
    pub version: String,
    /// `capabilities` as raw JSON.
    pub capabilities: Bytes,
    /// `clientInfo` as raw JSON.
    pub info: Bytes,
}

/// The key of an upstream connection. Each session has its own connection to each server, so agents share nothing.
#[derive(Clone, Debug)]
pub struct ConnectionKey {
    /// The calling agent.
    pub agent: AgentId,
    /// The agent's session.
    pub session: SessionId,
    /// The server.
    pub server: ServerId,
    /// The agent's client.
    pub client: Arc<ClientProfile>,
}
