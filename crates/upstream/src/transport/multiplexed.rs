//! A transport where all messages of one direction share one stream (stdio, HTTP+SSE). Responses find their request by
//! its id.
//!
//! Invariants: a response is taken only by the request that waits for its id; an abandoned request is removed, and the
//! server is notified; when the stream ends, every waiting request fails at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use briefcase_json::JsonLimits;
use briefcase_mcp::{Envelope, EnvelopeKind, RequestId, method, notification, request, single_line};
use briefcase_ports::{Reply, UpstreamFailure};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::call::{RpcCall, rpc_error};
use crate::{
    failure::TransportFailure, in_flight::InFlight, request_context::RequestLimits, server_messages::IncomingMessages,
};

/// The most messages that wait to be written.
const QUEUE_LEN: usize = 64;

/// The shared state of one connection.
pub(crate) struct Multiplexed {
    out: mpsc::Sender<Bytes>,
    table: Mutex<RequestTable>,
    in_flight: Arc<InFlight>,
    pub(crate) messages: Arc<IncomingMessages>,
    limits: JsonLimits,
    pub(crate) closed: CancellationToken,
}

#[derive(Default)]
struct RequestTable {
    last_id: u32,
    waiting: HashMap<u32, ReplySender>,
    ended: Option<UpstreamFailure>,
}

type ReplySender = oneshot::Sender<Result<Reply, UpstreamFailure>>;

impl Multiplexed {
    /// A connection, and the queue of messages to write.
    pub(crate) fn new(messages: Arc<IncomingMessages>, limits: JsonLimits) -> (Arc<Self>, mpsc::Receiver<Bytes>) {
        let (out, queue) = mpsc::channel(QUEUE_LEN);
        let multiplexed = Self {
            out,
            table: Mutex::default(),
            in_flight: Arc::default(),
            messages,
            limits,
            closed: CancellationToken::new(),
        };
        (Arc::new(multiplexed), queue)
    }

    /// Sends a request and waits for its reply.
    pub(crate) async fn call(self: &Arc<Self>, call: RpcCall) -> Result<Reply, TransportFailure> {
        let (sender, reply) = oneshot::channel();
        let id = self.register(sender)?;
        let _in_flight = self.in_flight.enter(id, call.context.as_ref(), &call.params);
        let notify = call.method != method::INITIALIZE;
        let mut cancel = CancelOnDrop { multiplexed: self, id, notify, done: false };
        let message = single_line(request(&RequestId::number(id), call.method, Some(&call.params)));
        let limits = RequestLimits {
            timeout: call.timeout,
            cancel: &call.cancel,
            closed: &self.closed,
            context: call.context.as_ref(),
        };
        let outcome = limits
            .run(async {
                self.out.send(message).await.map_err(|_| ended())?;
                reply.await.map_err(|_| ended())?.map_err(TransportFailure::from)
            })
            .await;
        cancel.done = matches!(outcome, Ok(_) | Err(TransportFailure::Upstream(UpstreamFailure::Unreachable(_))));
        outcome
    }

    /// Sends a notification.
    pub(crate) async fn notify(&self, name: &str, params: Option<&[u8]>) -> Result<(), TransportFailure> {
        let message = single_line(notification(name, params));
        self.out.send(message).await.map_err(|_| ended())
    }

    /// Takes a message of the server.
    pub(crate) fn receive(self: &Arc<Self>, message: &Bytes) {
        let Ok(envelope) = Envelope::parse_within(message.clone(), &self.limits) else {
            return self.malformed(message);
        };
        let within_limits = match envelope.kind() {
            EnvelopeKind::Response { id } => self.complete(id, envelope.result().map(Reply::Result)),
            EnvelopeKind::ErrorResponse { id: Some(id) } => {
                self.complete(id, envelope.error().map(|raw| Reply::Error(rpc_error(&raw))))
            }
            EnvelopeKind::ErrorResponse { id: None } => self.messages.count_invalid().is_ok(),
            EnvelopeKind::Notification { method } => {
                let params = envelope.params();
                let context = self.in_flight.of_notification(method, params.as_deref());
                self.messages.notification(method, params, context.as_ref()).is_ok()
            }
            EnvelopeKind::Request { id, method } => {
                self.answer(id.detached(), method.clone(), envelope.params());
                self.messages.count_unsolicited().is_ok()
            }
        };
        if !within_limits {
            self.close(&UpstreamFailure::Protocol("flood"), "flood");
        }
    }

    /// Ends the connection. Every waiting request fails.
    pub(crate) fn close(&self, failure: &UpstreamFailure, reason: &'static str) {
        let waiting = {
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            if table.ended.is_some() {
                return;
            }
            table.ended = Some(failure.clone());
            std::mem::take(&mut table.waiting)
        };
        for sender in waiting.into_values() {
            let _gave_up = sender.send(Err(failure.clone()));
        }
        self.closed.cancel();
        self.messages.closed(reason);
    }

    fn register(&self, sender: ReplySender) -> Result<u32, TransportFailure> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = &table.ended {
            return Err(failure.clone().into());
        }
        table.last_id = table.last_id.wrapping_add(1);
        let id = table.last_id;
        table.waiting.insert(id, sender);
        Ok(id)
    }

    /// Hands a reply to the request that waits for it. `false` only when the server floods.
    fn complete(&self, id: &RequestId, reply: Option<Reply>) -> bool {
        let number = std::str::from_utf8(id.as_json()).ok().and_then(|text| text.parse().ok());
        let sender = number.and_then(|number| self.remove(number));
        match (sender, reply) {
            (Some(sender), Some(reply)) => sender.send(Ok(reply)).is_ok() || self.unexpected_reply(),
            _ => self.unexpected_reply(),
        }
    }

    fn unexpected_reply(&self) -> bool {
        self.messages.count_dropped("answer that nobody waits for");
        self.messages.count_unsolicited().is_ok()
    }

    fn remove(&self, id: u32) -> Option<ReplySender> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&id)
    }

    /// Takes a message that cannot be parsed. If it was a response, its request fails now instead of by its timeout.
    fn malformed(&self, message: &[u8]) {
        #[derive(Deserialize)]
        struct IdMember {
            id: u32,
        }
        if let Ok(IdMember { id }) = serde_json::from_slice(message)
            && let Some(sender) = self.remove(id)
        {
            let _gave_up = sender.send(Err(UpstreamFailure::Protocol("malformed")));
        }
        if self.messages.count_invalid().is_err() {
            self.close(&UpstreamFailure::Protocol("flood"), "flood");
        }
    }

    /// Answers a request of the server.
    fn answer(self: &Arc<Self>, id: RequestId, name: Box<str>, params: Option<Bytes>) {
        let context = self.in_flight.of_request(self.messages.client_is_modern());
        let multiplexed = Arc::clone(self);
        tokio::spawn(async move {
            let response = tokio::select! {
                () = multiplexed.closed.cancelled() => None,
                response = multiplexed.messages.respond(&id, &name, params, context) => response,
            };
            if let Some(message) = response {
                let _gone = multiplexed.out.send(single_line(message)).await;
            }
        });
    }
}

/// A request that waits for its reply. It is removed when dropped; the server is notified unless a reply came.
struct CancelOnDrop<'a> {
    multiplexed: &'a Multiplexed,
    id: u32,
    notify: bool,
    done: bool,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        self.multiplexed.remove(self.id);
        if self.notify && !self.done {
            let params = format!(r#"{{"requestId":{}}}"#, self.id);
            let _full = self.multiplexed.out.try_send(notification(method::CANCELLED, Some(params.as_bytes())));
        }
    }
}

fn ended() -> TransportFailure {
    UpstreamFailure::Unreachable("the server is gone".to_owned()).into()
}
