//! The transports: each carries requests and notifications to a server, and its messages back.

pub(crate) mod call;
pub(crate) mod http_client;
pub(crate) mod multiplexed;
pub(crate) mod sse;
mod sse_stream;
pub(crate) mod stdio;
pub(crate) mod streamable_http;

use std::sync::Arc;

use briefcase_ports::{Reply, UpstreamFailure};
use briefcase_types::LoopbackOwner;
use tokio_util::sync::CancellationToken;

use crate::{failure::TransportFailure, server_messages::IncomingMessages};
use call::RpcCall;
use multiplexed::Multiplexed;
use streamable_http::StreamableHttp;

/// An open transport.
pub(crate) enum OpenTransport {
    /// stdio, or the older HTTP+SSE: all messages of one direction share one stream.
    Multiplexed(Arc<Multiplexed>),
    /// Streamable HTTP: each response has a body of its own.
    StreamableHttp(Arc<StreamableHttp>),
}

impl OpenTransport {
    pub(crate) async fn call(&self, call: RpcCall) -> Result<Reply, TransportFailure> {
        match self {
            Self::Multiplexed(multiplexed) => multiplexed.call(call).await,
            Self::StreamableHttp(http) => http.call(call).await,
        }
    }

    pub(crate) async fn notify(&self, method: &str, params: Option<&[u8]>) -> Result<(), TransportFailure> {
        match self {
            Self::Multiplexed(multiplexed) => multiplexed.notify(method, params).await,
            Self::StreamableHttp(http) => http.notify(method, params).await,
        }
    }

    /// Fires when the transport is closed, by either side.
    pub(crate) fn closed(&self) -> &CancellationToken {
        match self {
            Self::Multiplexed(multiplexed) => &multiplexed.closed,
            Self::StreamableHttp(http) => &http.closed,
        }
    }

    /// The listener of a guarded server on this machine.
    pub(crate) fn listener(&self) -> Option<LoopbackOwner> {
        match self {
            Self::Multiplexed(_) => None,
            Self::StreamableHttp(http) => http.listener(),
        }
    }

    pub(crate) fn messages(&self) -> &IncomingMessages {
        match self {
            Self::Multiplexed(multiplexed) => &multiplexed.messages,
            Self::StreamableHttp(http) => &http.messages,
        }
    }

    pub(crate) fn close(&self, reason: &'static str) {
        match self {
            Self::Multiplexed(multiplexed) => {
                multiplexed.close(&UpstreamFailure::Unreachable("the connection was closed".into()), reason);
            }
            Self::StreamableHttp(http) => http.close(reason),
        }
    }
}
