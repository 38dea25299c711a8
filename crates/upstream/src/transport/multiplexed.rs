//! A transport where all messages of one direction share one stream (stdio, HTTP+SSE). Responses find their request by
//! its id.
//!
//! Invariants: a response is taken only by the request that waits for its id; an abandoned request is removed, and the
//! server is notified; when the stream ends, every waiting request fails at once.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use briefcase_json::JsonLimits;
use briefcase_mcp::{
    DroppedMessage, Envelope, EnvelopeKind, ErrorCode, RequestId, error_response, method, notification, request,
    single_line,
};
use briefcase_ports::{Reply, UpstreamFailure};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::call::{RpcCall, rpc_error, shown_id};
use crate::{
    failure::TransportFailure, in_flight::InFlight, log_end::LogEnd, request_context::RequestLimits,
    server_messages::IncomingMessages,
};

/// The most messages that wait to be written.
const QUEUE_LEN: usize = 64;
/// The time that the oldest request gets after a reply with an id of no request.
pub(super) const WRONG_ID_GRACE: Duration = Duration::from_secs(2);

/// The shared state of one connection.
pub(crate) struct Multiplexed {
    out: mpsc::Sender<Bytes>,
    table: Mutex<RequestTable>,
    in_flight: Arc<InFlight>,
    pub(crate) messages: Arc<IncomingMessages>,
    limits: JsonLimits,
    pub(crate) closed: CancellationToken,
    /// The end of a child's log. Empty for a server that is no child.
    pub(crate) log_end: Arc<LogEnd>,
}

#[derive(Default)]
struct RequestTable {
    last_id: u32,
    waiting: HashMap<u32, ReplySender>,
    /// The waiting requests that a reply with a wrong id may have been for.
    suspected: BTreeSet<u32>,
    /// Whether the newest message to the server is a request.
    sent_request: bool,
    ended: Option<UpstreamFailure>,
}

type ReplySender = oneshot::Sender<Result<Reply, UpstreamFailure>>;

impl Multiplexed {
    /// A connection, and the queue of messages to write.
    pub(crate) fn new(
        messages: Arc<IncomingMessages>,
        limits: JsonLimits,
        log_end: Arc<LogEnd>,
    ) -> (Arc<Self>, mpsc::Receiver<Bytes>) {
        let (out, queue) = mpsc::channel(QUEUE_LEN);
        let multiplexed = Self {
            out,
            table: Mutex::default(),
            in_flight: Arc::default(),
            messages,
            limits,
            closed: CancellationToken::new(),
            log_end,
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
        cancel.done = outcome.is_ok() || self.closed.is_cancelled();
        outcome
    }

    /// Sends a notification.
    pub(crate) async fn notify(&self, name: &str, params: Option<&[u8]>) -> Result<(), TransportFailure> {
        let message = single_line(notification(name, params));
        self.table.lock().unwrap_or_else(PoisonError::into_inner).sent_request = false;
        self.out.send(message).await.map_err(|_| ended())
    }

    /// Takes a message of the server.
    pub(crate) fn receive(self: &Arc<Self>, message: &Bytes) {
        let Ok(envelope) = Envelope::parse_relayed(message.clone(), &self.limits) else {
            return self.malformed(message);
        };
        let within_limits = match envelope.kind() {
            EnvelopeKind::Response { id } => self.complete(id, envelope.result().map(Reply::Result)),
            EnvelopeKind::ErrorResponse { id: Some(id) } => {
                self.complete(id, envelope.error().map(|raw| Reply::Error(rpc_error(&raw))))
            }
            EnvelopeKind::ErrorResponse { id: None } => {
                self.suspect_newest();
                self.messages.count_invalid().is_ok()
            }
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
        self.close_at_flood(within_limits);
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
        table.sent_request = true;
        table.waiting.insert(id, sender);
        Ok(id)
    }

    /// Takes a message that is too long and was dropped. The request that it answers fails.
    pub(crate) fn dropped(self: &Arc<Self>, message: &DroppedMessage) {
        let limit = u64::try_from(self.limits.bytes).unwrap_or(u64::MAX);
        let (bytes, id) = (message.bytes(), message.id());
        tracing::warn!(server = %self.messages.sink.server, bytes, limit, "dropped a message over the limit");
        if message.has_method() {
            if let Some(id) = id {
                let text = format!("the message has {bytes} bytes, and the limit is {limit} bytes");
                self.reply(error_response(Some(&id), ErrorCode::INVALID_REQUEST, &text, None));
            }
            return self.close_at_flood(self.messages.count_unsolicited().is_ok());
        }
        let number = match id {
            Some(id) => id.as_number(),
            None => self.only_waiting(),
        };
        match number.and_then(|number| self.remove(number)) {
            Some(sender) => {
                let _gave_up = sender.send(Err(UpstreamFailure::TooLarge { bytes: Some(bytes), limit }));
            }
            None => self.close_at_flood(self.unexpected_reply()),
        }
    }

    /// The waiting request, if there is exactly one.
    fn only_waiting(&self) -> Option<u32> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.waiting.keys().next().copied().filter(|_| table.waiting.len() == 1)
    }

    fn close_at_flood(&self, within_limits: bool) {
        if !within_limits {
            self.close(&UpstreamFailure::Protocol("flood"), "flood");
        }
    }

    /// Hands a reply to the request that waits for it. `false` only when the server floods.
    fn complete(self: &Arc<Self>, id: &RequestId, reply: Option<Reply>) -> bool {
        let number = id.as_number();
        match (number.and_then(|number| self.remove(number)), reply) {
            (Some(sender), Some(reply)) => sender.send(Ok(reply)).is_ok() || self.unexpected_reply(),
            _ => {
                if !number.is_some_and(|number| self.was_asked(number)) {
                    self.suspect_oldest(id);
                }
                self.unexpected_reply()
            }
        }
    }

    /// Whether a request with this id was sent. Its reply may be late.
    fn was_asked(&self, id: u32) -> bool {
        id != 0 && id <= self.table.lock().unwrap_or_else(PoisonError::into_inner).last_id
    }

    fn unexpected_reply(&self) -> bool {
        self.messages.count_dropped("answer that nobody waits for");
        self.messages.count_unsolicited().is_ok()
    }

    /// A reply has an id of no request. The oldest waiting request fails soon, unless its own reply comes.
    fn suspect_oldest(self: &Arc<Self>, id: &RequestId) {
        let oldest = {
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            let free = table.waiting.keys().filter(|id| !table.suspected.contains(id)).min().copied();
            table.suspected.extend(free);
            free
        };
        self.fail_soon(oldest, shown_id(id));
    }

    /// An error names no request. If a request was sent last, it fails soon, unless its own reply comes.
    fn suspect_newest(self: &Arc<Self>) {
        let newest = {
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            let newest = table.last_id;
            let suspect = table.sent_request && table.waiting.contains_key(&newest) && table.suspected.insert(newest);
            suspect.then_some(newest)
        };
        self.fail_soon(newest, "null".to_owned());
    }

    fn fail_soon(self: &Arc<Self>, request: Option<u32>, id: String) {
        let Some(request) = request else { return };
        let multiplexed = Arc::clone(self);
        tokio::spawn(async move {
            tokio::select! {
                () = multiplexed.closed.cancelled() => return,
                () = tokio::time::sleep(WRONG_ID_GRACE) => {}
            }
            if let Some(sender) = multiplexed.remove(request) {
                let _gave_up = sender.send(Err(UpstreamFailure::WrongId { id }));
            }
        });
    }

    fn remove(&self, id: u32) -> Option<ReplySender> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.suspected.remove(&id);
        table.waiting.remove(&id)
    }

    /// Takes a message that cannot be parsed. If it was a response, its request fails now instead of by its timeout.
    fn malformed(self: &Arc<Self>, message: &[u8]) {
        let mut parts = DroppedMessage::default();
        parts.push(message);
        let number = parts.id().and_then(|id| id.as_number()).filter(|_| !parts.has_method());
        if let Some(sender) = number.and_then(|number| self.remove(number)) {
            let _gave_up = sender.send(Err(UpstreamFailure::Protocol("malformed")));
        }
        self.close_at_flood(self.messages.count_invalid().is_ok());
    }

    /// Sends a response without waiting for it.
    fn reply(self: &Arc<Self>, message: Bytes) {
        let multiplexed = Arc::clone(self);
        tokio::spawn(async move {
            let _gone = multiplexed.out.send(single_line(message)).await;
        });
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
                multiplexed.table.lock().unwrap_or_else(PoisonError::into_inner).sent_request = false;
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
