//! Requests to a legacy client: our own ids, one answer each, and an end when none comes.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use briefcase_mcp::{Envelope, ErrorCode, RequestId, method, notification, request};
use briefcase_ports::RpcError;
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{
    outlet::{Outlet, Route},
    splice::{self, Members},
};

/// Questions that may be open in one conversation.
const OPEN: usize = 64;

/// Asks one client.
pub(crate) struct Asker {
    outlet: Arc<dyn Outlet>,
    next: AtomicU32,
    open: Mutex<HashMap<RequestId, oneshot::Sender<Result<Bytes, RpcError>>>>,
    timeout: Duration,
}

impl Asker {
    pub(crate) fn new(outlet: Arc<dyn Outlet>, timeout: Duration) -> Self {
        Self { outlet, next: AtomicU32::new(1), open: Mutex::default(), timeout }
    }

    /// Asks and waits. When the asker is dropped or the time is over, the client is told that nobody waits any more.
    pub(crate) async fn ask(&self, route: Route, method: &str, params: &[u8]) -> Result<Bytes, RpcError> {
        let id = RequestId::number(self.next.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = oneshot::channel();
        {
            let mut open = self.lock();
            if open.len() >= OPEN {
                return Err(failure("too many questions are open already"));
            }
            open.insert(id.clone(), sender);
        }
        let question = Question { asker: self, id, route };
        self.outlet.send(question.route.clone(), request(&question.id, method, Some(params)));
        match tokio::time::timeout(self.timeout, receiver).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(failure("the client is gone")),
            Err(_) => Err(failure("the client did not answer in time")),
        }
    }

    /// The client's answer. One that nobody waits for is dropped.
    pub(crate) fn answered(&self, message: &Envelope) {
        let Some(waiting) = message.id().and_then(|id| self.lock().remove(id)) else { return };
        let answer = match message.result() {
            Some(result) => Ok(result),
            None => Err(rpc_error(&message.error().unwrap_or_default())),
        };
        // The asker may have given up in this moment.
        let _ = waiting.send(answer);
    }

    /// Nobody will answer any more.
    pub(crate) fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RequestId, oneshot::Sender<Result<Bytes, RpcError>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open question; tells the client when it ends unanswered.
struct Question<'a> {
    asker: &'a Asker,
    id: RequestId,
    route: Route,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if self.asker.lock().remove(&self.id).is_some() {
            let id = String::from_utf8_lossy(self.id.as_json());
            let params = splice::object([("requestId", &*id), ("reason", r#""no longer needed""#)]);
            self.asker.outlet.send(self.route.clone(), notification(method::CANCELLED, Some(params.as_bytes())));
        }
    }
}

/// A client's error object.
fn rpc_error(raw: &[u8]) -> RpcError {
    let Some(members) = Members::of_bytes(raw) else { return failure("the client's error cannot be read") };
    RpcError {
        code: members.get("code").and_then(|code| code.parse().ok()).unwrap_or(ErrorCode::INTERNAL_ERROR.0),
        message: members.string("message").unwrap_or_default(),
        data: members.get("data").map(|data| Bytes::copy_from_slice(data.as_bytes())),
    }
}

/// What a server is told when its question cannot be answered.
pub(crate) fn failure(message: &str) -> RpcError {
    RpcError { code: ErrorCode::INTERNAL_ERROR.0, message: message.to_owned(), data: None }
}

/// What a server is told when the client never said that it can answer.
pub(crate) fn unsupported() -> RpcError {
    let message = "the client did not declare that it can answer this".to_owned();
    RpcError { code: ErrorCode::METHOD_NOT_FOUND.0, message, data: None }
}
