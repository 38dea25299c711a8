//! Connections: which client, which session, which server.

use std::sync::Arc;

use briefcase_types::{AgentId, Era, ServerId, SessionId};

/// The agent's client, in the daemon's own words.
///
/// Invariant: it holds no text of the client, except a name that a person let servers have. Servers get nothing else
/// about a client: its version decides what the client receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientProfile {
    /// The era it uses.
    pub era: Era,
    /// Whether servers may see its era, and modern ones its features. They would be a message of a tainted agent, so the
    /// servers of such an agent see the newest era and a fixed set of features.
    pub is_shown: bool,
    /// The protocol version it requested, or the newest one that Briefcase speaks.
    pub version: &'static str,
    /// The features it supports.
    pub features: ClientFeatures,
    /// Its name, if it may be told to a server whose settings ask for it.
    pub name: Option<ClientName>,
}

/// The features that a client may support. A server's question that needs another one is refused by Briefcase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientFeatures {
    /// `roots`.
    pub roots: bool,
    /// `roots.listChanged`.
    pub roots_list_changed: bool,
    /// `sampling`.
    pub sampling: bool,
    /// `sampling.tools`.
    pub sampling_tools: bool,
    /// `sampling.context`.
    pub sampling_context: bool,
    /// `elicitation`.
    pub elicitation: bool,
    /// `elicitation.form`.
    pub elicitation_form: bool,
    /// `elicitation.url`.
    pub elicitation_url: bool,
    /// Modern: the extension `io.modelcontextprotocol/tasks`.
    pub tasks: bool,
}

/// The name and version of a client: short, printable ASCII without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName {
    name: String,
    version: String,
}

impl ClientName {
    const NAME_MAX: usize = 64;
    const VERSION_MAX: usize = 32;

    /// Takes a name and a version. Returns `None` when one of them is too long or has another character.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Option<Self> {
        let plain = |text: &str| {
            text.bytes().all(|byte| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~')) && text.trim() == text
        };
        let fits = (1..=Self::NAME_MAX).contains(&name.len()) && version.len() <= Self::VERSION_MAX;
        (fits && plain(name) && plain(version)).then(|| Self { name: name.to_owned(), version: version.to_owned() })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
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
