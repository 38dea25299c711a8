//! The port between the MCP server, which reads what clients request, and the engine, which decides and runs it.

use std::{fmt, sync::Arc, time::Duration};

use briefcase_types::{AgentId, Refusal, ServerId, SessionId, ToolName};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{BoxFuture, ClientPeer, ConnectionKey, ListKind, Reply, ServerInfo};

/// An operation that a client requests from an upstream server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `tools/call`.
    CallTool {
        /// The tool, by its server's name for it.
        tool: ToolName,
        /// `arguments`, raw; `{}` when the request has none.
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
        /// `arguments`, raw; `{}` when the request has none.
        arguments: Bytes,
    },
    /// `completion/complete`.
    Complete {
        /// `params` without `_meta`, raw.
        params: Bytes,
    },
    /// A request about something that was allowed before.
    FollowUp {
        /// The method.
        method: FollowUp,
        /// `params` without `_meta`, raw.
        params: Bytes,
    },
}

impl Operation {
    /// The JSON-RPC method.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::CallTool { .. } => "tools/call",
            Self::ReadResource { .. } => "resources/read",
            Self::GetPrompt { .. } => "prompts/get",
            Self::Complete { .. } => "completion/complete",
            Self::FollowUp { method, .. } => method.as_str(),
        }
    }

    /// The operation's word in receipts and approval requests.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::CallTool { .. } => "call_tool",
            Self::ReadResource { .. } => "read_resource",
            Self::GetPrompt { .. } => "get_prompt",
            Self::Complete { .. } => "complete",
            Self::FollowUp { method, .. } => method.as_str(),
        }
    }

    /// The name in receipts: the tool's or prompt's. A URI is an argument and never appears here.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::CallTool { tool, .. } => tool.as_str(),
            Self::GetPrompt { name, .. } => name,
            Self::ReadResource { .. } | Self::Complete { .. } | Self::FollowUp { .. } => "",
        }
    }
}

/// The methods that follow up on something allowed before. The list is closed: no other method of a client reaches a
/// server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowUp {
    /// `resources/subscribe`.
    Subscribe,
    /// `resources/unsubscribe`.
    Unsubscribe,
    /// `tasks/get`.
    GetTask,
    /// `tasks/cancel`.
    CancelTask,
    /// `tasks/update`.
    UpdateTask,
    /// `tasks/result`.
    TaskResult,
}

impl FollowUp {
    /// The JSON-RPC method.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "resources/subscribe",
            Self::Unsubscribe => "resources/unsubscribe",
            Self::GetTask => "tasks/get",
            Self::CancelTask => "tasks/cancel",
            Self::UpdateTask => "tasks/update",
            Self::TaskResult => "tasks/result",
        }
    }
}

/// One call of a client.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// The upstream connection: agent, session, server and client.
    pub connection: ConnectionKey,
    /// The requested operation.
    pub operation: Operation,
    /// `_meta` as the client sent it, with the server's task ids instead of handles. Only members that a person lets the
    /// server have are sent.
    pub meta: Option<Bytes>,
    /// Further members of `params` to pass on: `task`, `inputResponses`, `requestState` (the server's own), raw.
    pub members: Vec<(&'static str, Bytes)>,
    /// How long the call waits for a person before it is refused with `approval_required`.
    pub approval_timeout: Duration,
    /// Fires when the client cancels.
    pub cancel: CancellationToken,
}

/// The reply to a call. The engine makes it only after the outcome's receipt is durable.
#[derive(Debug)]
pub struct CallOutcome {
    /// The server's reply, after the output filter.
    pub reply: Reply,
    /// Present when the server wants more input.
    pub continuation: Option<Box<dyn ContinuedCall>>,
}

/// An allowed call whose server wants more input. The engine's proof of that is inside and can be spent once.
pub trait ContinuedCall: Send + fmt::Debug {
    /// Runs the call that brings the input. It has to be the same call: agent, server, tool, pin and arguments.
    fn run(
        self: Box<Self>,
        request: CallRequest,
        peer: Arc<dyn ClientPeer>,
    ) -> BoxFuture<'static, Result<CallOutcome, Refusal>>;
}

/// Decides and runs the requests of agents' clients.
///
/// Dropping the futures is allowed, except those of [`CallHandler::call`] and [`ContinuedCall::run`]: a task of its own
/// drives each of them to its end, because a cancelled call still has an outcome to record.
pub trait CallHandler: Send + Sync + 'static {
    /// The servers that are enabled for the agent, in a fixed order.
    fn servers(&self, agent: &AgentId) -> Vec<ServerId>;

    /// The server's information. Its `instructions` have passed the output filter, and its `capabilities` have only names and
    /// flags of the protocol.
    fn server_info<'a>(&'a self, connection: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<ServerInfo>, Refusal>>;

    /// The definitions of the server's accepted and unchanged tools for agents, in the server's order. Names are unique and
    /// well formed.
    fn list_tools<'a>(&'a self, connection: &'a ConnectionKey) -> BoxFuture<'a, Result<Vec<Bytes>, Refusal>>;

    /// The raw items of a list, all pages, after the output filter.
    fn list<'a>(&'a self, connection: &'a ConnectionKey, kind: ListKind) -> BoxFuture<'a, Result<Vec<Bytes>, Refusal>>;

    /// The tool that an agent calls by this name. `None` when no tool can have such a name.
    fn tool_name(&self, server: &ServerId, called: &str) -> Option<ToolName>;

    /// The accepted definition of one tool, without a request to the server.
    fn accepted_tool(&self, server: &ServerId, tool: &ToolName) -> Option<Bytes>;

    /// Runs one call through the pipeline. Messages of the server reach `peer` after policy and the output filter.
    fn call(
        self: Arc<Self>,
        request: CallRequest,
        peer: Arc<dyn ClientPeer>,
    ) -> BoxFuture<'static, Result<CallOutcome, Refusal>>;

    /// Records the refusal of a request that names no server of the agent's view. Returns it with its receipt.
    fn refuse<'a>(
        &'a self,
        agent: &'a AgentId,
        session: SessionId,
        method: &'static str,
        refusal: Refusal,
    ) -> BoxFuture<'a, Refusal>;

    /// Filters text of a server that the agent is about to see, and labels the agent. Returns `None` when the text must
    /// not be shown.
    fn filter(&self, agent: &AgentId, server: &ServerId, raw: Bytes) -> Option<Bytes>;

    /// Passes on that the client sent a notification, to every server that the session is connected to. Its members stay
    /// behind.
    fn notify_servers(&self, session: SessionId, method: &'static str);

    /// Whether a server may be told this name of the agent's client. Not a credential of this briefcase, and not while the
    /// agent holds private data and untrusted content.
    fn may_name_client(&self, agent: &AgentId, name: &str) -> bool;

    /// Whether servers may see the era and the features of the agent's client.
    fn may_show_client(&self, agent: &AgentId) -> bool;
}
