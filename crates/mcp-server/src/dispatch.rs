//! Routes the messages of one client to their handlers. Requests run concurrently.

use std::sync::{Arc, atomic::Ordering};

use briefcase_json::raw::RawObject;
use briefcase_mcp::{Envelope, EnvelopeKind, ErrorCode, ParamHeaders, RequestId, method};
use briefcase_ports::{ClientFeatures, ClientProfile, Reply};
use briefcase_types::Era;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{
    client_capabilities::Client,
    client_sink::Route,
    connection_state::ConnectionState,
    handlers::{
        calls, initialize,
        lists::{self, List},
        logging, subscriptions, tasks,
    },
    methods::Method,
    null_members, refusal, reply,
    request::{Request, RequestMeta},
};

/// Takes one message. Never blocks.
pub(crate) fn receive(state: &Arc<ConnectionState>, envelope: &Envelope, headers: Option<ParamHeaders>) {
    match envelope.kind() {
        EnvelopeKind::Request { id, method } => start_request(state, id.detached(), method, envelope.params(), headers),
        EnvelopeKind::Notification { method } => notification(state, method, envelope.params()),
        EnvelopeKind::Response { .. } | EnvelopeKind::ErrorResponse { .. } => state.client_requests.complete(envelope),
    }
}

fn start_request(
    state: &Arc<ConnectionState>,
    id: RequestId,
    method: &str,
    params: Option<Bytes>,
    headers: Option<ParamHeaders>,
) {
    let cancel = state.closing.child_token();
    if let Err(reply) = admit(state, &id, &cancel) {
        state.sink.send(Route::Related(id.clone()), reply::to_message(&reply, &id));
        return;
    }
    let running = RunningRequest { state: state.clone(), id: id.clone(), cancel: cancel.clone() };
    let params = null_members::dropped(params.unwrap_or_else(|| Bytes::from_static(b"{}")));
    match read_request(state, id, method, params, headers, cancel) {
        Err(reply) => running.finish(&reply),
        Ok(request) => {
            tokio::spawn(async move {
                tokio::select! {
                    biased;
                    () = request.cancel.cancelled() => {}
                    reply = handle(&running.state, &request) => running.finish(&reply),
                }
            });
        }
    }
}

/// Adds a request to the running requests.
fn admit(state: &ConnectionState, id: &RequestId, cancel: &CancellationToken) -> Result<(), Reply> {
    let mut requests = state.requests();
    if requests.contains_key(id) {
        let message = "a request with this id is still running; use a new id for each request";
        return Err(reply::error(ErrorCode::INVALID_REQUEST, message));
    }
    if requests.len() >= state.services().config.in_flight {
        let message = "Too many requests of this session are running.";
        let next_step = "Wait for responses before sending more requests.";
        let refusal = refusal::unavailable("too_many_requests", message, next_step);
        return Err(Reply::Error(refusal::error(&refusal)));
    }
    requests.insert(id.clone(), cancel.clone());
    Ok(())
}

/// Reads a request. `initialize` sets the client of a legacy connection here, because the next message may depend on it.
fn read_request(
    state: &ConnectionState,
    id: RequestId,
    method: &str,
    params: Bytes,
    param_headers: Option<ParamHeaders>,
    cancel: CancellationToken,
) -> Result<Request, Reply> {
    let meta = RequestMeta::parse(&params)?;
    let era = if meta.client.is_some() { Era::Modern } else { Era::Legacy };
    let method = Method::parse(method, era);
    let client = match (meta.client, method) {
        (Some(profile), _) => state.modern_client(profile),
        (None, Some(Method::Initialize)) => state.set_legacy_client(state.client(initialize::client(&params)?))?,
        (None, Some(Method::Ping)) => state.legacy_client().unwrap_or_else(|_| Arc::new(Client::new(unknown()))),
        (None, _) => state.legacy_client()?,
    };
    let method = method.ok_or_else(reply::unknown_method)?;
    Ok(Request {
        id,
        method,
        client,
        params,
        meta: meta.raw,
        progress_token: meta.progress_token,
        log_level: meta.log_level,
        param_headers,
        cancel,
    })
}

/// The sender of a `ping` before `initialize`.
fn unknown() -> ClientProfile {
    ClientProfile { era: Era::Legacy, is_shown: true, version: "", features: ClientFeatures::default(), name: None }
}

async fn handle(state: &Arc<ConnectionState>, request: &Request) -> Reply {
    match request.method {
        Method::Initialize => initialize::initialize(state, request).await,
        Method::Ping => reply::result("{}"),
        Method::Discover => initialize::discover(state, request).await,
        Method::Listen => subscriptions::listen(state, request).await,
        Method::ListTools => lists::list(state, request, List::Tools).await,
        Method::List(kind) => lists::list(state, request, List::Other(kind)).await,
        Method::CallTool | Method::ReadResource | Method::GetPrompt | Method::Complete => {
            calls::call(state, request).await
        }
        Method::SetLogLevel => logging::set_level(state, request),
        Method::Subscribe | Method::Unsubscribe => subscriptions::subscribe(state, request).await,
        Method::Task(method) => tasks::task(state, request, method).await,
    }
}

fn notification(state: &ConnectionState, name: &str, params: Option<Bytes>) {
    match name {
        method::CANCELLED => {
            let id = params.and_then(|params| {
                let raw = RawObject::from_slice(&params)?.get("requestId")?;
                RequestId::from_json(Bytes::copy_from_slice(raw.as_bytes())).ok()
            });
            if let Some(id) = id {
                state.cancel(&id);
            }
        }
        method::INITIALIZED if state.legacy_client().is_ok() => state.initialized.store(true, Ordering::Release),
        method::ROOTS_LIST_CHANGED if state.legacy_client().is_ok() => {
            // What the client wrote beside the method stays here.
            state.services().calls.notify_servers(state.session, method::ROOTS_LIST_CHANGED);
        }
        // Others are dropped, including a client's progress on a server's request.
        _ => {}
    }
}

/// A running request. Removed from the running requests on drop, however it ends.
struct RunningRequest {
    state: Arc<ConnectionState>,
    id: RequestId,
    cancel: CancellationToken,
}

impl RunningRequest {
    fn finish(self, reply: &Reply) {
        let message = reply::to_message(reply, &self.id);
        let (state, id, cancelled) = (self.state.clone(), self.id.clone(), self.cancel.is_cancelled());
        // The id is free again before the client can know it.
        drop(self);
        if !cancelled {
            state.sink.send(Route::Related(id), message);
        }
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        // After a cancellation, a new request may already use the id.
        if !self.cancel.is_cancelled() {
            self.state.requests().remove(&self.id);
        }
    }
}
