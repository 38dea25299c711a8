//! Runs a call until the client's request has a response. The bridges between the eras:
//!
//! - modern client, legacy server: the server's requests, and the wait for a person, suspend the call. The client gets
//!   `input_required`, and its retry resumes the call.
//! - modern client, modern server: the server's `requestState` stays here; the client gets a handle (see `response`).
//!
//! The upstream adapter bridges a legacy client to a modern server: here its server only sends requests, like any legacy
//! server.

use std::sync::Arc;

use briefcase_json::raw::{RawObject, object, quote};
use briefcase_mcp::{method, notification};
use briefcase_ports::{CallOutcome, Reply, Waiting};
use briefcase_types::{Era, Refusal, RefusalCode};
use bytes::Bytes;
use tokio::{
    sync::oneshot::error::{RecvError, TryRecvError},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    approval,
    client_sink::Route,
    connection_state::ConnectionState,
    in_flight::{CallEvent, InFlightCall, InputRequest},
    refusal::{self, unavailable},
    reply,
    request::Request,
    response::{self, unexpected_input_request},
    suspended::{Binding, SuspendedCall},
};

enum Event {
    Outcome(Result<CallOutcome, Refusal>),
    Call(CallEvent),
    Tick,
}

/// Waits for the call until the client's request has a response.
pub(crate) async fn until_response(state: &Arc<ConnectionState>, request: &Request, mut call: InFlightCall) -> Reply {
    let mut ticks = interval(state.services().config.progress_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tick = 0;
    // Ends the request to open the approval page together with the call.
    let end_url_request = CancellationToken::new();
    let _guard = end_url_request.clone().drop_guard();
    loop {
        let event = tokio::select! {
            biased;
            outcome = &mut call.outcome => Event::Outcome(known(outcome)),
            Some(event) = call.events.recv() => Event::Call(event),
            _ = ticks.tick(), if call.waiting.is_some() && request.progress_token.is_some() => Event::Tick,
        };
        match event {
            Event::Outcome(outcome) => {
                notify_url_complete(state, request, &call);
                return response::from_outcome(state, request, &call.request, outcome);
            }
            Event::Call(CallEvent::InputRequired(input_request)) => {
                return suspend(state, request, call, vec![input_request]).await;
            }
            Event::Call(CallEvent::Waiting(notice)) => {
                call.waiting = Some(notice.clone());
                if call.url_sent {
                    continue;
                }
                let input_request = send_approval_url(state, request, &notice, &end_url_request, &mut call.url_sent);
                if let Some(input_request) = input_request {
                    return suspend(state, request, call, vec![input_request]).await;
                }
            }
            Event::Tick if call.peer.is_server_active() => call.waiting = None,
            Event::Tick => {
                tick += 1;
                notify_progress(state, request, call.waiting.as_ref(), tick);
            }
        }
    }
}

/// An outcome; a refusal when the call's task ended without one.
fn known(outcome: Result<Result<CallOutcome, Refusal>, RecvError>) -> Result<CallOutcome, Refusal> {
    outcome
        .unwrap_or_else(|_| Err(unavailable("internal", "The call ended without an outcome.", "See the daemon's log.")))
}

/// Gives the client the address where a person decides. A legacy client gets a request; for a modern client the input
/// request is returned.
fn send_approval_url(
    state: &ConnectionState,
    request: &Request,
    notice: &Waiting,
    end: &CancellationToken,
    sent: &mut bool,
) -> Option<InputRequest> {
    let url = approval::url(&state.services().config, notice).filter(|_| request.client.capabilities.url)?;
    let legacy = request.era() == Era::Legacy;
    let params = Bytes::from(approval::elicitation(notice, &url, legacy));
    let method = method::ELICITATION_CREATE;
    if !legacy {
        *sent = request.method.may_need_input();
        let key = approval::KEY.to_owned();
        return sent.then(|| InputRequest { key, method: method.to_owned(), params, response: None });
    }
    *sent = true;
    let (requests, route, end) = (state.client_requests.clone(), Route::Related(request.id.clone()), end.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = end.cancelled() => {}
            // The client's response has no authority: the person decides on the page.
            _ = requests.send(route, method, &params) => {}
        }
    });
    None
}

/// Notifies a legacy client that it may close the approval page.
fn notify_url_complete(state: &ConnectionState, request: &Request, call: &InFlightCall) {
    if let (true, Era::Legacy, Some(notice)) = (call.url_sent, request.era(), &call.waiting) {
        let params = object([("elicitationId", quote(&notice.approval.to_string()).as_str())]);
        let message = notification(method::ELICITATION_COMPLETE, Some(params.as_bytes()));
        state.sink.send(Route::Related(request.id.clone()), message);
    }
}

fn notify_progress(state: &ConnectionState, request: &Request, notice: Option<&Waiting>, tick: u32) {
    let token = request.progress_token.as_deref().and_then(|token| std::str::from_utf8(token).ok());
    if let (Some(notice), Some(token)) = (notice, token) {
        let url = approval::url(&state.services().config, notice);
        let params = approval::progress(notice, token, tick, url.as_deref());
        let message = notification(method::PROGRESS, Some(params.as_bytes()));
        state.sink.send(Route::Related(request.id.clone()), message);
    }
}

/// Responds with `input_required` and keeps the running call for the retry.
async fn suspend(
    state: &ConnectionState,
    request: &Request,
    mut call: InFlightCall,
    mut input_requests: Vec<InputRequest>,
) -> Reply {
    if !request.method.may_need_input() {
        // Dropping the input request fails the server's request.
        return refusal::reply(request, &unexpected_input_request());
    }
    call.peer.detach();
    // One retry answers all requests that the server sends at the same time.
    tokio::time::sleep(state.services().config.debounce).await;
    while let Ok(event) = call.events.try_recv() {
        match event {
            CallEvent::InputRequired(input_request) => input_requests.push(input_request),
            CallEvent::Waiting(notice) => call.waiting = Some(notice),
        }
    }
    let members = input_requests.iter().map(|input_request| {
        let params = String::from_utf8_lossy(&input_request.params);
        let method = quote(&input_request.method);
        (input_request.key.clone(), object([("method", method.as_str()), ("params", &*params)]))
    });
    let members: Vec<(String, String)> = members.collect();
    let members = object(members.iter().map(|(key, raw)| (key.as_str(), raw.as_str())));
    let binding = Binding::new(&state.agent, &call.request.connection.server, &call.request.operation);
    let suspended = SuspendedCall::Running { call: Box::new(call), input_requests };
    let handle = state.shared.suspended.insert(binding, suspended);
    reply::result(object([
        ("resultType", r#""input_required""#),
        ("inputRequests", members.as_str()),
        ("requestState", quote(&handle).as_str()),
    ]))
}

/// Resumes a suspended call with the client's responses.
pub(crate) async fn resume(
    state: &Arc<ConnectionState>,
    request: &Request,
    mut call: InFlightCall,
    input_requests: Vec<InputRequest>,
    responses: Option<&str>,
) -> Reply {
    let responses = responses.and_then(RawObject::parse);
    let mut open = Vec::new();
    for mut input_request in input_requests {
        let response = responses.as_ref().and_then(|responses| responses.get(&input_request.key));
        match (input_request.response.take(), response) {
            (Some(sender), Some(raw)) => {
                // The server may have given up in the meantime.
                let _ = sender.send(Ok(Bytes::copy_from_slice(raw.as_bytes())));
            }
            (Some(sender), None) => open.push(InputRequest { response: Some(sender), ..input_request }),
            (None, _) => {}
        }
    }
    if !open.is_empty() {
        return suspend(state, request, call, open).await;
    }
    let target = state.target(request);
    match call.outcome.try_recv() {
        // The approval request outlasted the approval timeout. The same call finds its decision.
        Ok(Err(refusal)) if refusal.code == RefusalCode::ApprovalRequired => {
            call = InFlightCall::start(state.services(), call.request, None, target);
            call.url_sent = true;
        }
        Ok(outcome) => return response::from_outcome(state, request, &call.request, outcome),
        Err(TryRecvError::Empty | TryRecvError::Closed) => call.peer.attach(target),
    }
    until_response(state, request, call).await
}
