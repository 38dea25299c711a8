//! Upstream MCP servers.

use std::{sync::Arc, time::Duration};

use briefcase_types::{Digest, RefusalCode, SessionId};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{BoxFuture, ClientPeer, ConnectionKey, JournalError, ListKind, Quote, Reply, SendGate, ServerInfo};

/// One tool definition as its server listed it.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The name in the definition. It is not checked to be a [`briefcase_types::ToolName`].
    pub name: String,
    /// The definition, byte for byte.
    pub raw: Bytes,
}

/// A server's answer to `tools/list`, all pages.
///
/// An adapter returns the *same* `Arc` while the bytes are the same, so that derived values can be cached.
#[derive(Debug)]
pub struct Listing {
    /// SHA-256 of the raw pages.
    pub digest: Digest,
    /// The tools, in the server's order.
    pub tools: Vec<Definition>,
}

/// A request to a server.
#[derive(Debug)]
pub struct Outbound {
    /// The JSON-RPC method.
    pub method: &'static str,
    /// `params`, complete, as JSON.
    pub params: Bytes,
    /// The time limit of the request.
    pub timeout: Duration,
    /// Fires when the client cancels; the adapter notifies the server and returns [`UpstreamFailure::Cancelled`].
    pub cancel: CancellationToken,
    /// Asked immediately before the request is sent.
    pub gate: SendGate,
}

/// The server returned nothing usable.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamFailure {
    /// No connection, or the server died.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// No response in time.
    #[error("the server did not respond in time")]
    TimedOut,
    /// The client cancelled.
    #[error("the call was cancelled")]
    Cancelled,
    /// The server violated the protocol or a limit; the reason is a stable word.
    #[error("the server's answer cannot be used: {0}")]
    Protocol(&'static str),
    /// HTTP 401 or 403.
    #[error("the server rejected the credential")]
    Unauthorized,
    /// HTTP 402, with the price if the server states one that can be read.
    #[error("the server requires a payment")]
    PaymentRequired(Option<Box<Quote>>),
    /// The request was not sent, because the record cannot be written.
    #[error("the call was not sent, because the record cannot be written: {0}")]
    Unrecorded(JournalError),
    /// The server is disabled or unknown, or its credential cannot be used.
    #[error("{0}")]
    NotReady(String),
}

impl UpstreamFailure {
    /// The refusal code that the agent receives.
    #[must_use]
    pub const fn code(&self) -> RefusalCode {
        match self {
            Self::Unauthorized => RefusalCode::OauthRequired,
            Self::PaymentRequired(_) => RefusalCode::PaymentRequired,
            Self::Unrecorded(_) => RefusalCode::Unavailable,
            _ => RefusalCode::UpstreamError,
        }
    }

    /// The stable word in receipts.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut => "timeout",
            Self::Cancelled => "cancelled",
            Self::Protocol(word) => word,
            Self::Unauthorized => "unauthorized",
            Self::PaymentRequired(_) => "payment_required",
            Self::Unrecorded(_) => "record",
            Self::NotReady(_) => "not_ready",
        }
    }
}

/// The connections to upstream servers.
pub trait Upstreams: Send + Sync {
    /// Lists the server's tools. The list begins after this call does; concurrent calls of one session may share one.
    fn list_tools<'a>(&'a self, key: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<Listing>, UpstreamFailure>>;

    /// Sends one request and waits for its response. Server messages that arrive meanwhile go to `client`.
    fn send<'a>(
        &'a self,
        key: &'a ConnectionKey,
        request: Outbound,
        client: Arc<dyn ClientPeer>,
    ) -> BoxFuture<'a, Result<Reply, UpstreamFailure>>;

    /// The server's information. Opens the connection if there is none.
    fn server_info<'a>(&'a self, key: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<ServerInfo>, UpstreamFailure>>;

    /// The raw items of a list, all pages. Empty when the server does not declare the capability.
    fn list<'a>(
        &'a self,
        key: &'a ConnectionKey,
        kind: ListKind,
    ) -> BoxFuture<'a, Result<Arc<Vec<Bytes>>, UpstreamFailure>>;

    /// Passes a notification of the client to every legacy server of the session. Modern servers accept none.
    fn notify(&self, session: SessionId, method: &'static str, params: Option<Bytes>);
}
