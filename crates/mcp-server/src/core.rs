//! What the surface needs from the engine and the servers behind it.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use briefcase_ports::{BoxFuture, ClientPeer, ConnectionKey, Definition, Era, RpcError};
use briefcase_types::{AgentId, ReceiptIndex, Refusal, ServerId, SessionId, ToolName};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

/// The engine, as the surface sees it.
///
/// The future of [`Core::call`] is driven to its end by a task of its own and never dropped while it runs: a call that
/// the client cancelled still has an outcome to record. The other futures may be dropped.
pub trait Core: Send + Sync + 'static {
    /// The servers enabled for the agent, in a fixed order.
    fn servers(&self, agent: &AgentId) -> Vec<ServerId>;

    /// What the server said of itself. `instructions` have passed the output firewall.
    fn info<'a>(&'a self, line: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<UpstreamInfo>, Refusal>>;

    /// The server's accepted and unchanged tools, in the server's order, names unique and well formed.
    fn tools<'a>(&'a self, line: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<Vec<Definition>>, Refusal>>;

    /// The accepted definition of one tool, without asking the server.
    fn accepted(&self, line: &ConnectionKey, tool: &ToolName) -> Option<Bytes>;

    /// The server's resources, templates or prompts: raw items of all pages, after the output firewall.
    fn list<'a>(&'a self, line: &'a ConnectionKey, method: ListMethod) -> BoxFuture<'a, Result<Vec<Bytes>, Refusal>>;

    /// One call through the path. What the server says meanwhile reaches `talk` decided by policy and cleaned.
    fn call<'a>(&'a self, request: Request, talk: Arc<dyn ClientPeer>) -> BoxFuture<'a, Result<Outcome, Refusal>>;

    /// Records that the agent asked for something that belongs to no server of its view, and completes the refusal.
    fn refuse<'a>(
        &'a self,
        agent: &'a AgentId,
        session: SessionId,
        method: &'static str,
        refusal: Refusal,
    ) -> BoxFuture<'a, Refusal>;

    /// Passes text of a server through the output firewall. `None`: it must not be shown.
    fn clean(&self, server: &ServerId, raw: Bytes) -> Option<Bytes>;

    /// As [`Core::clean`], for text that the agent is about to see: a core that labels agents does it here.
    fn show(&self, _agent: &AgentId, server: &ServerId, raw: Bytes) -> Option<Bytes> {
        self.clean(server, raw)
    }

    /// Which change notices the session wants from the server from now on. A modern server is then listened to.
    fn watch(&self, line: &ConnectionKey, watch: Watch);

    /// A notification of the client for every server the session is connected to.
    fn tell(&self, session: SessionId, method: &'static str, params: Option<Bytes>);
}

/// What a server said of itself.
#[derive(Clone, Debug)]
pub struct UpstreamInfo {
    /// The era spoken with it on this line.
    pub era: Era,
    /// `capabilities`, raw.
    pub capabilities: Bytes,
    /// `serverInfo`, raw; shown nowhere, never used for routing.
    pub server_info: Bytes,
    /// `instructions`.
    pub instructions: Option<String>,
}

/// A list that has no path of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListMethod {
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    ResourceTemplates,
    /// `prompts/list`.
    Prompts,
}

/// What is asked of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `tools/call`.
    CallTool {
        /// The tool, by its server's name for it.
        tool: ToolName,
        /// `arguments`, raw; `{}` when there were none.
        arguments: Bytes,
    },
    /// `resources/read`.
    ReadResource {
        /// The resource, by its server's URI for it.
        uri: String,
    },
    /// `prompts/get`.
    GetPrompt {
        /// The prompt, by its server's name for it.
        name: String,
        /// `arguments`, raw; `{}` when there were none.
        arguments: Bytes,
    },
    /// `completion/complete`.
    Complete {
        /// `params` but for `_meta`, raw.
        params: Bytes,
    },
    /// What belongs to something allowed before.
    Follow {
        /// Which.
        method: Follow,
        /// `params` but for `_meta`, raw.
        params: Bytes,
    },
}

/// The methods that follow up on something. The list is closed: no other method of a client reaches a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// `resources/subscribe`. On a modern server the adapter listens instead.
    Subscribe,
    /// `resources/unsubscribe`.
    Unsubscribe,
    /// `logging/setLevel`.
    SetLevel,
    /// `tasks/get`.
    TaskGet,
    /// `tasks/cancel`.
    TaskCancel,
    /// `tasks/update`.
    TaskUpdate,
    /// `tasks/result`.
    TaskResult,
}

impl Follow {
    /// The JSON-RPC method.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::Subscribe => "resources/subscribe",
            Self::Unsubscribe => "resources/unsubscribe",
            Self::SetLevel => "logging/setLevel",
            Self::TaskGet => "tasks/get",
            Self::TaskCancel => "tasks/cancel",
            Self::TaskUpdate => "tasks/update",
            Self::TaskResult => "tasks/result",
        }
    }
}

/// One call.
#[derive(Debug)]
pub struct Request {
    /// Whose, from which session, to which server, as which client.
    pub line: ConnectionKey,
    /// What.
    pub operation: Operation,
    /// `_meta` as the client sent it, task handles replaced by the server's ids.
    pub meta: Option<Bytes>,
    /// Further members of `params` to pass on: `task`, `inputResponses`, `requestState` (the server's own), raw.
    pub members: Vec<(&'static str, Bytes)>,
    /// How long to wait for a person.
    pub patience: Duration,
    /// Proof that this continues a call that was allowed.
    pub continuation: Option<Continuation>,
    /// Fires when the client cancels.
    pub cancel: CancellationToken,
}

/// Proof that a call was allowed and its server wants more input. Made and read by the core only.
pub struct Continuation(Box<dyn Any + Send>);

impl Continuation {
    /// Wraps the core's own value.
    pub fn new<T: Any + Send>(value: T) -> Self {
        Self(Box::new(value))
    }

    /// The core's own value; `None` when it is of another type.
    #[must_use]
    pub fn into_inner<T: Any + Send>(self) -> Option<T> {
        self.0.downcast().ok().map(|value| *value)
    }
}

impl fmt::Debug for Continuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Continuation")
    }
}

/// What the core released.
#[derive(Debug)]
pub struct Outcome {
    /// The server's answer, after the output firewall.
    pub verdict: Verdict,
    /// The receipt of the outcome.
    pub receipt: ReceiptIndex,
    /// Present when the server wants more input.
    pub continuation: Option<Continuation>,
}

/// A server's answer.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// `result`, raw.
    Result(Bytes),
    /// `error`.
    Error(RpcError),
}

/// Which change notices are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// `notifications/tools/list_changed`.
    pub tools: bool,
    /// `notifications/prompts/list_changed`.
    pub prompts: bool,
    /// `notifications/resources/list_changed`.
    pub resources: bool,
}

/// Something a server said outside any request of the client.
#[derive(Clone, Debug)]
pub enum ServerEvent {
    /// The tools it offers to this session changed, or a person accepted or withdrew some.
    ToolsChanged,
    /// Its resources changed.
    ResourcesChanged,
    /// Its prompts changed.
    PromptsChanged,
    /// One resource changed.
    ResourceUpdated {
        /// The server's URI for it.
        uri: String,
    },
    /// A log line: raw `params`.
    Log {
        /// Raw `params`.
        params: Bytes,
    },
    /// A legacy URL elicitation is finished: raw `params`.
    ElicitationComplete {
        /// Raw `params`.
        params: Bytes,
    },
    /// A task's state: raw `params`.
    TaskStatus {
        /// Raw `params`.
        params: Bytes,
    },
}
