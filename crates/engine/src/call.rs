//! What goes into the path and what comes out of it.

use std::{sync::Arc, time::Duration};

use briefcase_types::{AgentId, CallId, ReceiptIndex, ServerId, SessionId, ToolName};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{approvals::CallKey, session::Session};
use briefcase_ports::{ConnectionKey, RpcError};

/// What an agent may ask of a server.
#[derive(Clone, Debug)]
pub enum Operation {
    /// `tools/call`.
    CallTool {
        /// The tool, by its server's name for it.
        tool: ToolName,
        /// `arguments`, raw.
        arguments: Bytes,
    },
    /// `resources/read`.
    ReadResource {
        /// The resource.
        uri: String,
    },
    /// `prompts/get`.
    GetPrompt {
        /// The prompt.
        name: String,
        /// `arguments`, raw.
        arguments: Bytes,
    },
    /// `completion/complete`, with its params.
    Complete {
        /// `params` but for `_meta`, raw.
        params: Bytes,
    },
    /// What belongs to something allowed before: subscriptions, tasks, log level.
    Follow {
        /// The method, from the surface's allow-list.
        method: &'static str,
        /// `params` but for `_meta`, raw.
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
            Self::Follow { method, .. } => method,
        }
    }

    /// The word in receipts and questions.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::CallTool { .. } => "call_tool",
            Self::ReadResource { .. } => "read_resource",
            Self::GetPrompt { .. } => "get_prompt",
            Self::Complete { .. } => "complete",
            Self::Follow { method, .. } => method,
        }
    }

    /// The name in receipts: a tool's or prompt's; never a URI, which is an argument.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::CallTool { tool, .. } => tool.as_str(),
            Self::GetPrompt { name, .. } => name,
            Self::ReadResource { .. } | Self::Complete { .. } | Self::Follow { .. } => "",
        }
    }
}

/// One call.
#[derive(Debug)]
pub struct Call {
    /// Whose.
    pub session: Arc<Session>,
    /// Over which connection.
    pub connection: ConnectionKey,
    /// What.
    pub operation: Operation,
    /// `_meta`, raw, passed on.
    pub meta: Option<Bytes>,
    /// Further members of `params` that are passed on (`task`, `inputResponses`, `requestState`), raw.
    pub members: Vec<(&'static str, Bytes)>,
    /// How long to wait for a person before answering `approval_required`.
    pub patience: Duration,
    /// Proof that this continues a call that was allowed and answered `input_required`.
    pub continuation: Option<Continuation>,
    /// Fires when the client cancels. The future of the call is never dropped: its outcome is recorded all the same.
    pub cancel: CancellationToken,
}

/// The context of a call. Every receipt of the call states it.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// The call's id.
    pub(crate) call: CallId,
    /// The calling agent.
    pub(crate) agent: AgentId,
    /// The agent's session.
    pub(crate) session: SessionId,
    /// The server that the call goes to.
    pub(crate) server: ServerId,
    /// The operation's word.
    pub(crate) operation: &'static str,
    /// The tool's or prompt's name; for a task, the name of the tool that runs it. Empty for other operations.
    pub(crate) name: String,
}

/// Proof that a call was allowed and its server wants more input. Spent by the call that brings the input, which has to be
/// the same call: same agent, server, tool, pin and arguments.
#[derive(Debug)]
pub struct Continuation {
    pub(crate) key: CallKey,
    pub(crate) authority_version: u64,
    /// Whether a person was asked about the call. If not, and policy wants one now, something has changed since — what the
    /// agent has seen — and the answers that go out with the next round are nothing anybody allowed.
    pub(crate) approved: bool,
}

/// What may be handed to the agent. Made only by the engine, after the outcome's receipt is durable.
#[derive(Debug)]
pub struct Released {
    answer: Answer,
    receipt: ReceiptIndex,
    continuation: Option<Continuation>,
}

/// A server's answer after the output firewall.
#[derive(Clone, Debug)]
pub enum Answer {
    /// `result`, raw.
    Result(Bytes),
    /// `error`.
    Error(RpcError),
}

impl Released {
    pub(crate) const fn new(answer: Answer, receipt: ReceiptIndex, continuation: Option<Continuation>) -> Self {
        Self { answer, receipt, continuation }
    }

    /// The receipt of the outcome.
    #[must_use]
    pub const fn receipt(&self) -> ReceiptIndex {
        self.receipt
    }

    /// Takes the answer, and the continuation if the server wants more input.
    #[must_use]
    pub fn into_parts(self) -> (Answer, Option<Continuation>) {
        (self.answer, self.continuation)
    }
}
