//! The pipeline's input and output.

use std::sync::Arc;

use briefcase_ports::{CallRequest, Reply};
use briefcase_types::{AgentId, CallId, ReceiptIndex, ServerId, SessionId};

use crate::{approvals::CallKey, session::Session};

/// A call of a live session.
#[derive(Debug)]
pub struct Call {
    /// The session making the call.
    pub session: Arc<Session>,
    /// The client's request.
    pub request: CallRequest,
    /// Proof that this continues an allowed call that was answered `input_required`.
    pub continuation: Option<Continuation>,
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

/// Proof that a call was allowed and its server wants more input. The call that brings the input spends it and has to be
/// the same call: agent, server, tool, pin and arguments.
#[derive(Debug)]
pub struct Continuation {
    pub(crate) key: CallKey,
    pub(crate) authority_version: u64,
    /// Whether a person approved the call. If not, and policy demands approval now, the agent's labels have changed since:
    /// nobody has allowed the input that goes out with the next round.
    pub(crate) approved: bool,
}

/// A reply that may be passed to the agent. Only the engine makes it, after the outcome's receipt is durable.
#[derive(Debug)]
pub struct Released {
    reply: Reply,
    receipt: ReceiptIndex,
    continuation: Option<Continuation>,
}

impl Released {
    pub(crate) const fn new(reply: Reply, receipt: ReceiptIndex, continuation: Option<Continuation>) -> Self {
        Self { reply, receipt, continuation }
    }

    /// The receipt of the outcome.
    #[must_use]
    pub const fn receipt(&self) -> ReceiptIndex {
        self.receipt
    }

    /// The server's reply, and the continuation if the server wants more input.
    #[must_use]
    pub fn into_parts(self) -> (Reply, Option<Continuation>) {
        (self.reply, self.continuation)
    }
}
