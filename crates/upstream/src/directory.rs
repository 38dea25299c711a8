//! What the pool needs from the daemon: specifications, secrets, and somebody to tell what servers say unasked.

use std::sync::Arc;

use briefcase_ports::{BoxFuture, RpcError, UpstreamFailure};
use briefcase_types::{SecretName, ServerId, SessionId};
use bytes::Bytes;

use crate::ServerSpec;

/// Why a server cannot be used now, for a person: unknown, disabled, or its secret is missing or locked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotReady(pub String);

impl From<NotReady> for UpstreamFailure {
    fn from(reason: NotReady) -> Self {
        Self::NotReady(reason.0)
    }
}

/// Where specifications and secrets come from.
pub trait Directory: Send + Sync {
    /// How to reach a server. Asked when a connection is opened.
    fn spec(&self, server: &ServerId) -> Result<Arc<ServerSpec>, NotReady>;

    /// Shows a secret to `visit` and to nobody else. Asked for each HTTP request and each start of a child, so that a
    /// rotated secret takes effect at once and a locked vault stops calls at once.
    fn with_secret(&self, name: &SecretName, visit: &mut dyn FnMut(&str)) -> Result<(), NotReady>;
}

/// What a server says outside of any request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// Its tools changed.
    ToolsChanged,
    /// Its resources or templates changed.
    ResourcesChanged,
    /// Its prompts changed.
    PromptsChanged,
    /// A resource that the session subscribed to changed.
    ResourceUpdated {
        /// Which, in the server's words.
        uri: String,
    },
    /// A log message: raw `params` of `notifications/message`.
    Log {
        /// The raw `params`.
        params: Bytes,
    },
    /// Any other notification.
    Notice {
        /// The method.
        method: String,
        /// The raw `params` (`{}` when there are none).
        params: Bytes,
    },
    /// The connection ended; the next request opens a new one.
    Closed {
        /// A stable word.
        reason: &'static str,
    },
}

/// Hears what servers say unasked. Called on the connection's own task: must not block.
pub trait Watcher: Send + Sync {
    /// Something happened. Already limited in rate; contents are untrusted.
    fn event(&self, server: &ServerId, session: SessionId, event: ServerEvent);

    /// A request from the server (sampling, elicitation, roots) that belongs to no running call.
    fn ask<'a>(
        &'a self,
        server: &'a ServerId,
        session: SessionId,
        method: &'a str,
        params: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, RpcError>>;
}
