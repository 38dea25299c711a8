//! A connection where all messages of one direction share one channel (stdio, HTTP+SSE): answers find their request by
//! id.
//!
//! Invariants: an answer is taken only by the request that waits for its id; a request that is given up is forgotten,
//! and the server is told; when the channel ends, everything that waits fails at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use briefcase_json::Limits;
use briefcase_mcp::{Envelope, EnvelopeKind, RequestId, method, notification, request, single_line};
use briefcase_ports::{Reply, UpstreamFailure};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    inbound::Inbound,
    link::{Call, rpc_error},
    related::{Bounds, Failure},
    running::Running,
};

/// How many messages may wait to be written.
const QUEUE: usize = 64;

/// The shared state of one connection.
pub(crate) struct Duplex {
    out: mpsc::Sender<Bytes>,
    table: Mutex<Table>,
    running: Arc<Running>,
    pub(crate) inbound: Arc<Inbound>,
    limits: Limits,
    pub(crate) closed: CancellationToken,
}

#[derive(Default)]
struct Table {
    next: u32,
    waiting: HashMap<u32, Waiter>,
    ended: Option<UpstreamFailure>,
}

type Waiter = oneshot::Sender<Result<Reply, UpstreamFailure>>;

impl Duplex {
    /// A connection, and the messages to be written.
    pub(crate) fn new(inbound: Arc<Inbound>, limits: Limits) -> (Arc<Self>, mpsc::Receiver<Bytes>) {
        let (out, messages) = mpsc::channel(QUEUE);
        let closed = CancellationToken::new();
        (Arc::new(Self { out, table: Mutex::default(), running: Arc::default(), inbound, limits, closed }), messages)
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn call(self: &Arc<Self>, call: Call) -> Result<Reply, Failure> {
        let (answer, answered) = oneshot::channel();
        let id = self.wait(answer)?;
        let _running = self.running.enter(id, &call);
        let tell = call.method != method::INITIALIZE;
        let mut waiting = InFlight { duplex: self, id, tell, done: false };
        let message = single_line(request(&RequestId::number(id), call.method, Some(&call.params)));
        let bounds = Bounds {
            timeout: call.timeout,
            cancel: &call.cancel,
            closed: &self.closed,
            related: call.related.as_ref(),
        };
        let outcome = bounds
            .hold(async {
                self.out.send(message).await.map_err(|_| ended("the server is gone"))?;
                answered.await.map_err(|_| ended("the server is gone"))?.map_err(Failure::from)
            })
            .await;
        waiting.done = matches!(outcome, Ok(_) | Err(Failure::Upstream(UpstreamFailure::Unreachable(_))));
        outcome
    }

    /// Sends a notification.
    pub(crate) async fn tell(&self, name: &str, params: Option<&[u8]>) -> Result<(), Failure> {
        let message = single_line(notification(name, params));
        self.out.send(message).await.map_err(|_| ended("the server is gone"))
    }

    /// Takes a message of the server.
    pub(crate) fn receive(self: &Arc<Self>, message: &Bytes) {
        let Ok(envelope) = Envelope::parse_within(message.clone(), &self.limits) else {
            return self.malformed(message);
        };
        let taken = match envelope.kind() {
            EnvelopeKind::Response { id } => self.settle(id, envelope.result().map(Reply::Result)),
            EnvelopeKind::ErrorResponse { id: Some(id) } => {
                self.settle(id, envelope.error().map(|raw| Reply::Error(rpc_error(&raw))))
            }
            EnvelopeKind::ErrorResponse { id: None } => self.inbound.garbage().is_ok(),
            EnvelopeKind::Notification { method } => {
                let params = envelope.params();
                let related = self.running.related_to(method, params.as_deref());
                self.inbound.notified(method, params, related.as_ref()).is_ok()
            }
            EnvelopeKind::Request { id, method } => {
                self.asked(id.detached(), method.clone(), envelope.params());
                self.inbound.unasked().is_ok()
            }
        };
        if !taken {
            self.close(&UpstreamFailure::Protocol("flood"), "flood");
        }
    }

    /// Ends the connection: everything that waits fails.
    pub(crate) fn close(&self, failure: &UpstreamFailure, reason: &'static str) {
        let waiting = {
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            if table.ended.is_some() {
                return;
            }
            table.ended = Some(failure.clone());
            std::mem::take(&mut table.waiting)
        };
        for waiter in waiting.into_values() {
            let _gone = waiter.send(Err(failure.clone()));
        }
        self.closed.cancel();
        self.inbound.closed(reason);
    }

    fn wait(&self, waiter: Waiter) -> Result<u32, Failure> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = &table.ended {
            return Err(failure.clone().into());
        }
        table.next = table.next.wrapping_add(1);
        let id = table.next;
        table.waiting.insert(id, waiter);
        Ok(id)
    }

    /// Gives an answer to whoever waits for it. `false` only when the server floods.
    fn settle(&self, id: &RequestId, reply: Option<Reply>) -> bool {
        let number = std::str::from_utf8(id.as_json()).ok().and_then(|text| text.parse().ok());
        let waiter = number.and_then(|number| self.forget(number));
        match (waiter, reply) {
            (Some(waiter), Some(reply)) => waiter.send(Ok(reply)).is_ok() || self.stray(),
            _ => self.stray(),
        }
    }

    fn stray(&self) -> bool {
        self.inbound.drop_one("answer that nobody waits for");
        self.inbound.unasked().is_ok()
    }

    fn forget(&self, id: u32) -> Option<Waiter> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&id)
    }

    /// A message that cannot be read. If it was an answer, its request fails now rather than in time.
    fn malformed(&self, message: &[u8]) {
        #[derive(Deserialize)]
        struct Answer {
            id: u32,
        }
        if let Ok(Answer { id }) = serde_json::from_slice(message)
            && let Some(waiter) = self.forget(id)
        {
            let _gone = waiter.send(Err(UpstreamFailure::Protocol("malformed")));
        }
        if self.inbound.garbage().is_err() {
            self.close(&UpstreamFailure::Protocol("flood"), "flood");
        }
    }

    fn asked(self: &Arc<Self>, id: RequestId, name: Box<str>, params: Option<Bytes>) {
        let related = self.running.asked(self.inbound.client_is_modern());
        let duplex = Arc::clone(self);
        tokio::spawn(async move {
            let answer = tokio::select! {
                () = duplex.closed.cancelled() => None,
                answer = duplex.inbound.answer(&id, &name, params, related) => answer,
            };
            if let Some(message) = answer {
                let _gone = duplex.out.send(single_line(message)).await;
            }
        });
    }
}

/// A request that waits. Forgotten when dropped; the server is told unless an answer came.
struct InFlight<'a> {
    duplex: &'a Duplex,
    id: u32,
    tell: bool,
    done: bool,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.duplex.forget(self.id);
        if self.tell && !self.done {
            let params = format!(r#"{{"requestId":{}}}"#, self.id);
            let _full = self.duplex.out.try_send(notification(method::CANCELLED, Some(params.as_bytes())));
        }
    }
}

pub(crate) fn ended(text: &str) -> Failure {
    UpstreamFailure::Unreachable(text.to_owned()).into()
}
