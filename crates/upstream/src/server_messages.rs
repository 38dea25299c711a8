//! The messages that a server sends without being asked, over any transport: notifications, and requests to the client.
//!
//! Invariants: a server's request is answered exactly once or cancelled; at most 32 are open per connection; a server
//! that floods is disconnected before it costs other connections anything.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use briefcase_mcp::{ErrorCode, RequestId, error_response, method, response};
use briefcase_ports::{RpcError, ServerEvent};
use briefcase_types::Era;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    debounce::{Debounce, EventSink},
    rate_limit::SharedTokenBucket,
    request_context::RequestContext,
};

const EMPTY: Bytes = Bytes::from_static(b"{}");
/// The most requests of one server that are open at once.
const MAX_OPEN_REQUESTS: usize = 32;
/// The longest URI in a notification.
const MAX_URI_LEN: usize = 8192;

/// How often each kind of list changed. A list that was fetched under a lower count is stale.
#[derive(Default)]
pub(crate) struct ListGenerations {
    pub(crate) resources: AtomicU64,
    pub(crate) prompts: AtomicU64,
}

/// The receiving side of one connection.
pub(crate) struct IncomingMessages {
    pub(crate) sink: Arc<EventSink>,
    generations: Arc<ListGenerations>,
    client: Era,
    changes: Arc<Debounce>,
    unsolicited: SharedTokenBucket,
    outside_requests: SharedTokenBucket,
    within_requests: SharedTokenBucket,
    request_slots: Arc<Semaphore>,
    open: Mutex<HashMap<RequestId, CancellationToken>>,
    dropped: AtomicU64,
    /// Set after the handshake: a failed attempt is not a connection that closed.
    established: AtomicBool,
}

/// The server sends more messages than any server has reason to.
#[derive(Debug)]
pub(crate) struct Flood;

impl IncomingMessages {
    pub(crate) fn new(sink: EventSink, generations: Arc<ListGenerations>, client: Era) -> Arc<Self> {
        let sink = Arc::new(sink);
        Arc::new(Self {
            changes: Debounce::new(Arc::clone(&sink)),
            sink,
            generations,
            client,
            unsolicited: SharedTokenBucket::new(2_000, 20_000),
            outside_requests: SharedTokenBucket::new(50, 100),
            within_requests: SharedTokenBucket::new(200, 400),
            request_slots: Arc::new(Semaphore::new(MAX_OPEN_REQUESTS)),
            open: Mutex::default(),
            dropped: AtomicU64::new(0),
            established: AtomicBool::new(false),
        })
    }

    /// Notes that the handshake succeeded.
    pub(crate) fn establish(&self) {
        self.established.store(true, Ordering::SeqCst);
        self.changes.hold_back();
    }

    /// Reports that the connection closed.
    pub(crate) fn closed(&self, reason: &'static str) {
        if self.established.load(Ordering::SeqCst) {
            self.sink.send(ServerEvent::Closed { reason });
        }
    }

    /// Counts a message, or a part of one, that was dropped.
    pub(crate) fn count_dropped(&self, what: &'static str) {
        let count = self.dropped.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if count.is_power_of_two() {
            let server = &self.sink.server;
            tracing::warn!(%server, what, dropped = count, "dropped what a server sent");
        }
    }

    /// Whether the client takes a server's requests only within its own.
    pub(crate) fn client_is_modern(&self) -> bool {
        self.client == Era::Modern
    }

    /// Counts a message that answers no request of ours.
    pub(crate) fn count_unsolicited(&self) -> Result<(), Flood> {
        if self.unsolicited.take() { Ok(()) } else { Err(Flood) }
    }

    /// Counts bytes that are no message of the protocol.
    pub(crate) fn count_invalid(&self) -> Result<(), Flood> {
        self.count_dropped("garbage");
        self.count_unsolicited()
    }

    /// Takes a notification. `context` is the request it belongs to.
    pub(crate) fn notification(
        &self,
        name: &str,
        params: Option<Bytes>,
        context: Option<&Arc<RequestContext>>,
    ) -> Result<(), Flood> {
        self.count_unsolicited()?;
        let params = params.unwrap_or(EMPTY);
        let taken = match name {
            method::TOOLS_LIST_CHANGED => self.changes.send(ServerEvent::ToolsChanged),
            method::RESOURCES_LIST_CHANGED => {
                self.generations.resources.fetch_add(1, Ordering::SeqCst);
                self.changes.send(ServerEvent::ResourcesChanged)
            }
            method::PROMPTS_LIST_CHANGED => {
                self.generations.prompts.fetch_add(1, Ordering::SeqCst);
                self.changes.send(ServerEvent::PromptsChanged)
            }
            method::RESOURCES_UPDATED => self.resource_updated(&params),
            method::CANCELLED => self.cancel_request(&params),
            method::SUBSCRIPTIONS_ACKNOWLEDGED => true,
            _ => self.forward(name, params, context),
        };
        if !taken {
            self.count_dropped("notification");
        }
        Ok(())
    }

    /// Forwards a notification: to its request's client where it has one, to the observer otherwise.
    fn forward(&self, name: &str, params: Bytes, context: Option<&Arc<RequestContext>>) -> bool {
        let allowed = match context {
            Some(_) => self.within_requests.take(),
            None => name != method::PROGRESS && self.outside_requests.take(),
        };
        match (allowed, context) {
            (false, _) => return false,
            (true, Some(context)) => context.peer.notify(name, params),
            (true, None) if name == method::MESSAGE => self.sink.send(ServerEvent::Log { params }),
            (true, None) => self.sink.send(ServerEvent::Notification { method: name.to_owned(), params }),
        }
        true
    }

    fn resource_updated(&self, params: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct ResourceUpdated {
            uri: String,
        }
        serde_json::from_slice::<ResourceUpdated>(params).is_ok_and(|updated| {
            updated.uri.len() <= MAX_URI_LEN && self.changes.send(ServerEvent::ResourceUpdated { uri: updated.uri })
        })
    }

    /// The server cancels a request of its own.
    fn cancel_request(&self, params: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Cancelled<'a> {
            #[serde(borrow, rename = "requestId")]
            id: &'a RawValue,
        }
        let Ok(cancelled) = serde_json::from_slice::<Cancelled<'_>>(params) else { return false };
        let Ok(id) = RequestId::from_json(Bytes::copy_from_slice(cancelled.id.get().as_bytes())) else { return false };
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&id).map(CancellationToken::cancel).is_some()
    }

    /// The response to a server's request; `None` when the server cancelled it or the request it belongs to is over.
    pub(crate) async fn respond(
        &self,
        id: &RequestId,
        name: &str,
        params: Option<Bytes>,
        context: Option<Arc<RequestContext>>,
    ) -> Option<Bytes> {
        match name {
            method::PING => return Some(response(id, &EMPTY)),
            method::ELICITATION_CREATE | method::SAMPLING_CREATE_MESSAGE | method::ROOTS_LIST => {}
            _ => {
                return Some(error_response(
                    Some(id),
                    ErrorCode::METHOD_NOT_FOUND,
                    "this client has no such method",
                    None,
                ));
            }
        }
        let Ok(_permit) = Arc::clone(&self.request_slots).try_acquire_owned() else {
            return Some(error_response(
                Some(id),
                ErrorCode::UNAVAILABLE,
                "too many server requests are pending",
                None,
            ));
        };
        let (open, cancelled) = self.register(id)?;
        let over = context.as_ref().map(|context| context.over.clone()).unwrap_or_default();
        let answer = tokio::select! {
            () = cancelled.cancelled() => None,
            () = over.cancelled() => None,
            answer = self.forward_request(name, params.unwrap_or(EMPTY), context) => Some(answer),
        };
        drop(open);
        match answer? {
            Ok(result) => Some(response(id, &result)),
            Err(error) => Some(error_response(Some(id), ErrorCode(error.code), &error.message, error.data.as_deref())),
        }
    }

    async fn forward_request(
        &self,
        name: &str,
        params: Bytes,
        context: Option<Arc<RequestContext>>,
    ) -> Result<Bytes, RpcError> {
        match context {
            Some(context) => {
                let _paused = context.pause_timeout();
                context.peer.ask(name, params).await
            }
            None => {
                let EventSink { server, session, observer } = &*self.sink;
                observer.request(server, *session, name, params).await
            }
        }
    }

    /// Registers a server's open request; `None` when the server reuses the id of one that is still open.
    fn register(&self, id: &RequestId) -> Option<(OpenRequest<'_>, CancellationToken)> {
        let token = CancellationToken::new();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.contains_key(id) {
            return None;
        }
        open.insert(id.detached(), token.clone());
        Some((OpenRequest { messages: self, id: id.detached() }, token))
    }
}

/// An open request of the server; removed when dropped.
struct OpenRequest<'a> {
    messages: &'a IncomingMessages,
    id: RequestId,
}

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        self.messages.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
