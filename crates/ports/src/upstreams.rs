//! Upstream MCP servers.

use std::{sync::Arc, time::Duration};

use briefcase_types::{Digest, SessionId};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{BoxFuture, ClientPeer, ConnectionKey, ListKind, Reply, SendGate, ServerInfo, UpstreamFailure};

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
    /// Why the list may be incomplete, for a person.
    pub note: Option<&'static str>,
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

    /// Sends a notification without members to every legacy server of the session. Modern servers accept none.
    fn notify(&self, session: SessionId, method: &'static str);
}
