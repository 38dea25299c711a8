//! The agent's client, as a running call sees it.

use briefcase_types::{ApprovalId, ServerId, ToolName, UnixMillis};
use bytes::Bytes;

use crate::{BoxFuture, RpcError};

/// The client that made a running call.
pub trait ClientPeer: Send + Sync {
    /// Passes on a notification from the server that belongs to the call (progress, log message).
    fn notify(&self, method: &str, params: Bytes);

    /// Passes on a request from the server (elicitation, sampling, roots) that policy has allowed.
    fn ask<'a>(&'a self, method: &'a str, params: Bytes) -> BoxFuture<'a, Result<Bytes, RpcError>>;

    /// Reports that the call waits for a person. The MCP server tells the client (progress, URL elicitation).
    ///
    /// Invariant: the notice carries no authority.
    fn waiting(&self, notice: &Waiting);
}

/// A call waits for a person.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The approval request.
    pub approval: ApprovalId,
    /// The server that the call goes to.
    pub server: ServerId,
    /// The tool that the call is about; `None` for prompts and resources.
    pub tool: Option<ToolName>,
    /// The time at which the request expires.
    pub expires: UnixMillis,
}
