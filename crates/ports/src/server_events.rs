//! Messages of servers outside of any request.

use briefcase_types::{ServerId, SessionId};
use bytes::Bytes;

use crate::{BoxFuture, RpcError};

/// A message of a server outside of any request. Its content is untrusted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// The server's tools changed.
    ToolsChanged,
    /// The server's resources or templates changed.
    ResourcesChanged,
    /// The server's prompts changed.
    PromptsChanged,
    /// A resource that the session subscribed to changed.
    ResourceUpdated {
        /// The server's URI for it.
        uri: String,
    },
    /// A log message.
    Log {
        /// The raw `params` of `notifications/message`.
        params: Bytes,
    },
    /// Any other notification.
    Notification {
        /// The method.
        method: String,
        /// The raw `params`; `{}` when there are none.
        params: Bytes,
    },
    /// The connection ended. The next request opens a new one.
    Closed {
        /// A stable word.
        reason: &'static str,
    },
}

/// Receives what servers send outside of any request. Runs on the connection's own task, so [`Self::event`] must not block.
pub trait ServerObserver: Send + Sync {
    /// Receives an event. Events are limited in rate; their content is untrusted.
    fn event(&self, server: &ServerId, session: SessionId, event: ServerEvent);

    /// Answers a server's request (sampling, elicitation, roots) that belongs to no request in flight.
    fn request<'a>(
        &'a self,
        server: &'a ServerId,
        session: SessionId,
        method: &'a str,
        params: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, RpcError>>;
}
