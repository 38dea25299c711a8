//! The outgoing half of one client's connection.

use briefcase_mcp::RequestId;
use bytes::Bytes;

/// The stream that a message belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// No request: change notifications, log lines. Over HTTP they go to the standalone stream.
    General,
    /// The client's request with this id: its response, and messages sent while it runs.
    Related(RequestId),
}

/// Sends raw messages to one client, in the order of the calls.
pub trait ClientSink: Send + Sync + 'static {
    /// Queues one message. Never blocks: the implementation disconnects a client that does not read.
    fn send(&self, route: Route, message: Bytes);
}
