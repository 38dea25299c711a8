//! A running call: the messages of its server, and the client's request they go to.
//!
//! A task of its own drives the call handler's future. A suspended call therefore continues while no request of the client
//! is open, and a cancelled one still records its outcome.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering},
};

use briefcase_json::raw::quote;
use briefcase_mcp::{RequestId, method, notification};
use briefcase_ports::{
    BoxFuture, CallOutcome, CallRequest, ClientPeer, ConnectionKey, ContinuedCall, RpcError, Waiting,
};
use briefcase_types::{Entropy, Era, Refusal};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    client_capabilities::Client,
    client_requests::{ClientRequests, failed, unsupported},
    client_sink::{ClientSink, Route},
    edit::edit_object,
    handle,
    logging::level_of,
    rate_limit::RateLimit,
    services::Services,
    task_handles::{Runner, TaskIds},
};

/// Notifications about one call that may come per second.
const NOTIFICATIONS: u32 = 100;

/// The client's request that a call belongs to at the moment.
#[derive(Clone)]
pub(crate) struct ClientRequestTarget {
    pub(crate) sink: Arc<dyn ClientSink>,
    /// The request's id.
    pub(crate) id: RequestId,
    /// The client's progress token, raw.
    pub(crate) progress_token: Option<Bytes>,
    pub(crate) log_level: LogLevel,
    pub(crate) client: Arc<Client>,
    /// Legacy: the way to send requests to the client.
    pub(crate) requests: Option<Arc<ClientRequests>>,
}

/// The least severe log level that the client wants.
#[derive(Clone)]
pub(crate) enum LogLevel {
    /// Legacy: as set for the session.
    Session(Arc<AtomicU8>),
    /// Modern: as set by this request; `None` for no messages.
    Request(Option<u8>),
}

impl LogLevel {
    fn includes(&self, level: u8) -> bool {
        match self {
            Self::Session(least) => level >= least.load(Ordering::Relaxed),
            Self::Request(least) => least.is_some_and(|least| level >= least),
        }
    }
}

/// An event of a running call that changes the response to the client.
pub(crate) enum CallEvent {
    /// The server sends a request to a modern client.
    InputRequired(InputRequest),
    /// A person has to decide.
    Waiting(Waiting),
}

/// A request to a modern client, sent as one of `inputRequests`.
pub(crate) struct InputRequest {
    pub(crate) key: String,
    pub(crate) method: String,
    pub(crate) params: Bytes,
    /// Receives the client's response. `None` for the request to open the approval page: its response is ignored.
    pub(crate) response: Option<oneshot::Sender<Result<Bytes, RpcError>>>,
}

/// A running call.
pub(crate) struct InFlightCall {
    pub(crate) request: CallRequest,
    pub(crate) peer: Arc<CallPeer>,
    pub(crate) events: mpsc::UnboundedReceiver<CallEvent>,
    pub(crate) outcome: oneshot::Receiver<Result<CallOutcome, Refusal>>,
    /// The pending approval request.
    pub(crate) waiting: Option<Waiting>,
    /// Whether the client got the address where a person decides.
    pub(crate) url_sent: bool,
    /// Cancels the call on drop.
    _cancel: DropGuard,
}

impl InFlightCall {
    /// Starts a call, or continues one.
    pub(crate) fn start(
        services: &Arc<Services>,
        mut request: CallRequest,
        continuation: Option<Box<dyn ContinuedCall>>,
        target: ClientRequestTarget,
    ) -> Self {
        let (event_sender, events) = mpsc::unbounded_channel();
        let (sender, outcome) = oneshot::channel();
        let cancel = CancellationToken::new();
        request.cancel = cancel.clone();
        let peer = Arc::new(CallPeer {
            services: services.clone(),
            connection: request.connection.clone(),
            target: Mutex::new(target),
            detached: AtomicBool::new(false),
            events: event_sender,
            rate: RateLimit::new(NOTIFICATIONS, NOTIFICATIONS),
            input_requests: AtomicUsize::new(0),
            server_active: AtomicBool::new(false),
            cancel: cancel.clone(),
        });
        let (calls, copy, client) = (services.calls.clone(), request.clone(), peer.clone());
        let call = match continuation {
            Some(continued) => continued.run(copy, client),
            None => calls.call(copy, client),
        };
        services.tracker.spawn(async move {
            // The outcome is recorded even when the receiver is gone.
            let _ = sender.send(call.await);
        });
        Self { request, peer, events, outcome, waiting: None, url_sent: false, _cancel: cancel.drop_guard() }
    }
}

/// The client, as a running call sees it.
pub(crate) struct CallPeer {
    services: Arc<Services>,
    connection: ConnectionKey,
    target: Mutex<ClientRequestTarget>,
    /// Whether the call is suspended: its last request has ended and the retry has not come.
    detached: AtomicBool,
    events: mpsc::UnboundedSender<CallEvent>,
    rate: RateLimit,
    input_requests: AtomicUsize,
    /// Whether the server has sent anything. The call then waits for a person no longer.
    server_active: AtomicBool,
    cancel: CancellationToken,
}

impl CallPeer {
    /// Attaches the call to a request of the client.
    pub(crate) fn attach(&self, target: ClientRequestTarget) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
        self.detached.store(false, Ordering::Release);
    }

    /// Detaches the call from the request that ends.
    pub(crate) fn detach(&self) {
        self.detached.store(true, Ordering::Release);
    }

    /// Whether the server has sent anything yet.
    pub(crate) fn is_server_active(&self) -> bool {
        self.server_active.load(Ordering::Relaxed)
    }

    fn target(&self) -> ClientRequestTarget {
        self.target.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ids(&self) -> TaskIds<'_> {
        let ConnectionKey { agent, server, .. } = &self.connection;
        TaskIds { handles: &self.services.task_handles, agent, server }
    }

    fn progress(&self, target: &ClientRequestTarget, params: &Bytes) {
        let Some(token) = target.progress_token.as_deref().and_then(|token| std::str::from_utf8(token).ok()) else {
            return;
        };
        let params = edit_object(params, |_, members, patch| {
            if let Some(old) = members.get("progressToken") {
                patch.replace(old, token);
            }
            self.ids().to_handles(Runner::Server, false, members, patch);
        });
        if params.starts_with(b"{") {
            send(target, method::PROGRESS, &params);
        }
    }

    /// Sends a request to a modern client: the call is suspended until the client's retry.
    async fn request_by_retry(&self, method: &str, params: Bytes) -> Result<Bytes, RpcError> {
        let number = self.input_requests.fetch_add(1, Ordering::Relaxed);
        if number >= self.services.config.rounds {
            return Err(failed("the call sent too many requests to the client"));
        }
        let (sender, receiver) = oneshot::channel();
        let key = format!("q{}", number + 1);
        let request = InputRequest { key, method: method.to_owned(), params, response: Some(sender) };
        let disconnected = || failed("the client disconnected");
        self.events.send(CallEvent::InputRequired(request)).map_err(|_| disconnected())?;
        tokio::select! {
            response = receiver => response.unwrap_or_else(|_| Err(disconnected())),
            () = self.cancel.cancelled() => Err(disconnected()),
            () = tokio::time::sleep(self.services.config.client_request_timeout) => {
                Err(failed("the client did not answer in time"))
            }
        }
    }

    async fn request(&self, method: &str, params: Bytes) -> Result<Bytes, RpcError> {
        let target = self.target();
        let text = std::str::from_utf8(&params).unwrap_or("{}");
        target.client.capabilities.check(method, text).map_err(|_| unsupported())?;
        match (self.connection.client.era, &target.requests) {
            (Era::Legacy, Some(requests)) => {
                let route = Route::Related(target.id.clone());
                let ids = self.ids();
                let params = with_elicitation_id(params, &*self.services.entropy);
                let response = request_with_handles(requests, route, &ids, method, &params);
                tokio::select! {
                    response = response => response,
                    () = self.cancel.cancelled() => Err(failed("the call was cancelled")),
                }
            }
            _ => self.request_by_retry(method, params).await,
        }
    }
}

impl ClientPeer for CallPeer {
    fn notify(&self, method: &str, params: Bytes) {
        self.server_active.store(true, Ordering::Relaxed);
        if self.detached.load(Ordering::Acquire) || !self.rate.take() {
            return;
        }
        let target = self.target();
        match method {
            method::PROGRESS => self.progress(&target, &params),
            method::MESSAGE if target.log_level.includes(level_of(&params)) => send(&target, method::MESSAGE, &params),
            _ => {}
        }
    }

    fn ask<'a>(&'a self, method: &'a str, params: Bytes) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        self.server_active.store(true, Ordering::Relaxed);
        Box::pin(self.request(method, params))
    }

    fn waiting(&self, notice: &Waiting) {
        // The receiver is gone when the client disconnected.
        let _ = self.events.send(CallEvent::Waiting(notice.clone()));
    }
}

fn send(target: &ClientRequestTarget, method: &str, params: &[u8]) {
    target.sink.send(Route::Related(target.id.clone()), notification(method, Some(params)));
}

/// Sends a server's request to a legacy client, with handles instead of task ids.
pub(crate) async fn request_with_handles(
    requests: &ClientRequests,
    route: Route,
    ids: &TaskIds<'_>,
    method: &str,
    params: &Bytes,
) -> Result<Bytes, RpcError> {
    let params = edit_object(params, |_, members, patch| ids.to_handles(Runner::Server, false, members, patch));
    let response = ids.to_linked_id(&requests.send(route, method, &params).await?);
    let is_task = matches!(method, method::TASKS_GET | method::TASKS_CANCEL);
    Ok(edit_object(&response, |_, members, patch| {
        // Only the client's own tasks: the links to the server's tasks already have the server's ids.
        let own = [
            is_task.then(|| members.get("taskId")).flatten(),
            members.object("task").and_then(|task| task.get("taskId")),
        ];
        own.into_iter().flatten().for_each(|id| ids.to_handle(Runner::Client, id, patch));
    }))
}

/// Adds the `elicitationId` that only legacy URL elicitations have.
fn with_elicitation_id(raw: Bytes, entropy: &dyn Entropy) -> Bytes {
    if memchr::memmem::find(&raw, b"url").is_none() {
        return raw;
    }
    edit_object(&raw, |text, members, patch| {
        if members.string("mode").as_deref() == Some("url") && members.get("elicitationId").is_none() {
            patch.prepend(text, &format!(r#""elicitationId":{}"#, quote(&handle::random(entropy))));
        }
    })
}
