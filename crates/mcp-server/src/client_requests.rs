//! Requests to a legacy client: ids of our own, one response each, and a timeout.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use briefcase_json::raw::{self, RawObject};
use briefcase_mcp::{Envelope, ErrorCode, RequestId, method, notification, request};
use briefcase_ports::RpcError;
use briefcase_types::Entropy;
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::client_sink::{ClientSink, Route};

/// Requests that may be pending on one connection.
const MAX_PENDING: usize = 64;

/// The pending requests to one client.
pub(crate) struct ClientRequests {
    sink: Arc<dyn ClientSink>,
    next_id: AtomicU32,
    pending: Mutex<HashMap<RequestId, oneshot::Sender<Result<Bytes, RpcError>>>>,
    timeout: Duration,
}

impl ClientRequests {
    /// Starts the ids at a random number: a client's late response to another connection then finds no request here.
    pub(crate) fn new(sink: Arc<dyn ClientSink>, entropy: &dyn Entropy, timeout: Duration) -> Self {
        let mut start = [0; 4];
        entropy.fill(&mut start);
        Self { sink, next_id: AtomicU32::new(u32::from_be_bytes(start) >> 1), pending: Mutex::default(), timeout }
    }

    /// Sends a request and waits for the response. When the future is dropped or times out, the client gets
    /// `notifications/cancelled`.
    pub(crate) async fn send(&self, route: Route, method: &str, params: &[u8]) -> Result<Bytes, RpcError> {
        let id = RequestId::number(self.next_id.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = oneshot::channel();
        {
            let mut pending = self.lock();
            if pending.len() >= MAX_PENDING {
                return Err(failed("too many requests to the client are pending"));
            }
            pending.insert(id.clone(), sender);
        }
        let guard = PendingRequest { requests: self, id, route };
        self.sink.send(guard.route.clone(), request(&guard.id, method, Some(params)));
        match tokio::time::timeout(self.timeout, receiver).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => Err(failed("the client disconnected")),
            Err(_) => Err(failed("the client did not answer in time")),
        }
    }

    /// Takes a response of the client. A response to no pending request is dropped.
    pub(crate) fn complete(&self, message: &Envelope) {
        let Some(waiting) = message.id().and_then(|id| self.lock().remove(id)) else { return };
        let response = match message.result() {
            Some(result) => Ok(result),
            None => Err(rpc_error(&message.error().unwrap_or_default())),
        };
        // The receiver may have given up at this moment.
        let _ = waiting.send(response);
    }

    /// Fails all pending requests.
    pub(crate) fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, oneshot::Sender<Result<Bytes, RpcError>>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One pending request. Cancels it at the client when dropped without a response.
struct PendingRequest<'a> {
    requests: &'a ClientRequests,
    id: RequestId,
    route: Route,
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        if self.requests.lock().remove(&self.id).is_some() {
            let id = String::from_utf8_lossy(self.id.as_json());
            let params = raw::object([("requestId", &*id), ("reason", r#""no longer needed""#)]);
            self.requests.sink.send(self.route.clone(), notification(method::CANCELLED, Some(params.as_bytes())));
        }
    }
}

/// A client's error object.
fn rpc_error(raw: &[u8]) -> RpcError {
    let Some(members) = RawObject::from_slice(raw) else { return failed("the client's error cannot be read") };
    RpcError {
        code: members.get("code").and_then(|code| code.parse().ok()).unwrap_or(ErrorCode::INTERNAL_ERROR.0),
        message: members.string("message").unwrap_or_default().into_owned(),
        data: members.get("data").map(|data| Bytes::copy_from_slice(data.as_bytes())),
    }
}

/// The error for a server whose request could not be answered.
pub(crate) fn failed(message: &str) -> RpcError {
    RpcError { code: ErrorCode::INTERNAL_ERROR.0, message: message.to_owned(), data: None }
}

/// The error for a server whose request needs a capability that the client did not declare.
pub(crate) fn unsupported() -> RpcError {
    let message = "the client did not declare this capability".to_owned();
    RpcError { code: ErrorCode::METHOD_NOT_FOUND.0, message, data: None }
}
