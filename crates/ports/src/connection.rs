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

/// The calls that may share one connection to a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sharing {
    /// The calls of one session. Sessions and agents share nothing.
    #[default]
    Session,
    /// The calls of all sessions of one agent.
    Agent,
    /// The calls of all agents.
    All,
}

/// The key of an upstream connection.
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
    /// The calls that may share the connection. Every connection belongs to one session today.
    pub sharing: Sharing,
}
