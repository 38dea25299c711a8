//! What a server sends unasked, whichever wire it comes by: notices, and questions to the client.
//!
//! Invariants: a question is answered exactly once or withdrawn; at most 32 are open per connection; a server that
//! floods is cut off before it costs other connections anything.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use briefcase_mcp::{ErrorCode, RequestId, error_response, method, response};
use briefcase_ports::RpcError;
use briefcase_types::Era;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    ServerEvent,
    coalesce::{Coalesce, Origin},
    meter::Meter,
    related::Related,
};

const EMPTY: Bytes = Bytes::from_static(b"{}");

/// How often each kind of list changed; what was fetched under an older count is stale.
#[derive(Default)]
pub(crate) struct Generations {
    pub(crate) resources: AtomicU64,
    pub(crate) prompts: AtomicU64,
}

/// The receiving side of one connection.
pub(crate) struct Inbound {
    pub(crate) origin: Arc<Origin>,
    generations: Arc<Generations>,
    client: Era,
    changes: Arc<Coalesce>,
    flood: Meter,
    unrelated: Meter,
    progress: Meter,
    questions: Arc<Semaphore>,
    open: Mutex<HashMap<RequestId, CancellationToken>>,
    dropped: AtomicU64,
    /// Set when the handshake is done: an attempt that fails is not a connection that closed.
    established: AtomicBool,
}

/// The server sends more than any server has reason to.
#[derive(Debug)]
pub(crate) struct Flood;

impl Inbound {
    pub(crate) fn new(origin: Origin, generations: Arc<Generations>, client: Era) -> Arc<Self> {
        let origin = Arc::new(origin);
        Arc::new(Self {
            changes: Coalesce::new(Arc::clone(&origin)),
            origin,
            generations,
            client,
            flood: Meter::new(2_000, 20_000),
            unrelated: Meter::new(50, 100),
            progress: Meter::new(200, 400),
            questions: Arc::new(Semaphore::new(32)),
            open: Mutex::default(),
            dropped: AtomicU64::new(0),
            established: AtomicBool::new(false),
        })
    }

    /// The handshake is done.
    pub(crate) fn establish(&self) {
        self.established.store(true, Ordering::SeqCst);
    }

    /// The connection ended.
    pub(crate) fn closed(&self, reason: &'static str) {
        if self.established.load(Ordering::SeqCst) {
            self.origin.tell(ServerEvent::Closed { reason });
        }
    }

    /// Counts something that was dropped.
    pub(crate) fn drop_one(&self, what: &'static str) {
        let count = self.dropped.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if count.is_power_of_two() {
            let server = &self.origin.server;
            tracing::warn!(%server, what, dropped = count, "dropped what a server sent");
        }
    }

    /// Whether the client cannot be asked anything outside of its own requests.
    pub(crate) fn client_is_modern(&self) -> bool {
        self.client == Era::Modern
    }

    /// Counts a message that nobody asked for.
    pub(crate) fn unasked(&self) -> Result<(), Flood> {
        if self.flood.take() { Ok(()) } else { Err(Flood) }
    }

    /// Something that is no message of the protocol.
    pub(crate) fn garbage(&self) -> Result<(), Flood> {
        self.drop_one("garbage");
        self.unasked()
    }

    /// A notification; `related` is the call it belongs to.
    pub(crate) fn notified(
        &self,
        name: &str,
        params: Option<Bytes>,
        related: Option<&Arc<Related>>,
    ) -> Result<(), Flood> {
        self.unasked()?;
        let params = params.unwrap_or(EMPTY);
        let kept = match name {
            method::TOOLS_LIST_CHANGED => self.changes.change(ServerEvent::ToolsChanged),
            method::RESOURCES_LIST_CHANGED => {
                self.generations.resources.fetch_add(1, Ordering::SeqCst);
                self.changes.change(ServerEvent::ResourcesChanged)
            }
            method::PROMPTS_LIST_CHANGED => {
                self.generations.prompts.fetch_add(1, Ordering::SeqCst);
                self.changes.change(ServerEvent::PromptsChanged)
            }
            method::RESOURCES_UPDATED => self.resource_updated(&params),
            method::CANCELLED => self.withdrawn(&params),
            method::SUBSCRIPTIONS_ACKNOWLEDGED => true,
            _ => self.pass(name, params, related),
        };
        if !kept {
            self.drop_one("notification");
        }
        Ok(())
    }

    /// Hands a notification on, to its call where it has one.
    fn pass(&self, name: &str, params: Bytes, related: Option<&Arc<Related>>) -> bool {
        let may = match related {
            Some(_) => self.progress.take(),
            None => name != method::PROGRESS && self.unrelated.take(),
        };
        match (may, related) {
            (false, _) => return false,
            (true, Some(related)) => related.talk.notify(name, params),
            (true, None) if name == method::MESSAGE => self.origin.tell(ServerEvent::Log { params }),
            (true, None) => self.origin.tell(ServerEvent::Notice { method: name.to_owned(), params }),
        }
        true
    }

    fn resource_updated(&self, params: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Updated {
            uri: String,
        }
        serde_json::from_slice::<Updated>(params).is_ok_and(|updated| {
            updated.uri.len() <= 8192 && self.changes.change(ServerEvent::ResourceUpdated { uri: updated.uri })
        })
    }

    /// The server takes a question back.
    fn withdrawn(&self, params: &[u8]) -> bool {
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

    /// The message that answers a question of the server; `None` when it was withdrawn or its call is over.
    pub(crate) async fn answer(
        &self,
        id: &RequestId,
        name: &str,
        params: Option<Bytes>,
        related: Option<Arc<Related>>,
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
        let Ok(_permit) = Arc::clone(&self.questions).try_acquire_owned() else {
            return Some(error_response(Some(id), ErrorCode::UNAVAILABLE, "too many questions are open", None));
        };
        let (open, withdrawn) = self.opened(id)?;
        let over = related.as_ref().map(|related| related.over.clone()).unwrap_or_default();
        let answer = tokio::select! {
            () = withdrawn.cancelled() => None,
            () = over.cancelled() => None,
            answer = self.ask(name, params.unwrap_or(EMPTY), related) => Some(answer),
        };
        drop(open);
        match answer? {
            Ok(result) => Some(response(id, &result)),
            Err(error) => Some(error_response(Some(id), ErrorCode(error.code), &error.message, error.data.as_deref())),
        }
    }

    async fn ask(&self, name: &str, params: Bytes, related: Option<Arc<Related>>) -> Result<Bytes, RpcError> {
        match related {
            Some(related) => {
                let _asking = related.asking();
                related.talk.ask(name, params).await
            }
            None => {
                let Origin { server, session, watcher } = &*self.origin;
                watcher.ask(server, *session, name, params).await
            }
        }
    }

    /// Notes an open question; `None` when the server uses the id of one that is still open.
    fn opened(&self, id: &RequestId) -> Option<(Open<'_>, CancellationToken)> {
        let token = CancellationToken::new();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.contains_key(id) {
            return None;
        }
        open.insert(id.detached(), token.clone());
        Some((Open { inbound: self, id: id.detached() }, token))
    }
}

/// An open question; forgotten when dropped.
struct Open<'a> {
    inbound: &'a Inbound,
    id: RequestId,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.inbound.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
