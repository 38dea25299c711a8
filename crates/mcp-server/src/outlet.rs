//! The way out to one client.

use briefcase_mcp::RequestId;
use bytes::Bytes;

/// Where a message belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// To no request: change notices, log lines. Over HTTP they go to the standalone stream.
    General,
    /// To the client's request with this id: its response, and what is said while it runs.
    Related(RequestId),
}

/// Sends raw messages to one client, in the order they are given.
pub trait Outlet: Send + Sync + 'static {
    /// Queues one message. Never blocks: a client that does not read is the implementation's to disconnect.
    fn send(&self, route: Route, message: Bytes);
}
