//! Sessions of 2025-11-25 and earlier: POST, GET and DELETE with `Mcp-Session-Id`.

use std::sync::Arc;

use briefcase_mcp::{Envelope, ErrorCode, Glance, Kind, RequestId, error_response, method};
use briefcase_types::SessionId;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Deserialize;

use super::{
    STREAM_AFTER,
    admission::single,
    entropy::System,
    events::{EventStream, parse_event_id},
    outlet::Reader,
    principal::{Busy, Principal},
    quota::Ticket,
    reply::{self, Body, SESSION},
    session::Session,
};
use crate::daemon::Unavailable;

pub(super) const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Answers a POST with a legacy message. `version` is the one that a header names.
pub(super) async fn post(
    principal: &Arc<Principal>,
    message: Envelope,
    version: Option<&str>,
    headers: &HeaderMap,
    ticket: Ticket,
) -> Response<Body> {
    if let Kind::Request { id, method } = message.kind()
        && &**method == method::INITIALIZE
    {
        let id = id.clone();
        return initialize(principal, message, &id, ticket).await;
    }
    let session = match session(principal, headers) {
        Ok(session) => session,
        Err(refused) => return refused.about(message.id()),
    };
    session.touch(version);
    match message.kind() {
        Kind::Request { id, .. } => {
            let id = id.clone();
            request(principal, &session, message, &id, ticket).await
        }
        Kind::Notification { method } => {
            let cancelled = if &**method == method::CANCELLED { cancelled_request(&message) } else { None };
            let response = pass_on(principal, &session, message).await;
            if let Some(id) = cancelled {
                session.cancelled(&id);
            }
            response
        }
        Kind::Response { .. } | Kind::ErrorResponse { .. } => pass_on(principal, &session, message).await,
    }
}

/// Answers a GET: the session's general stream, or a stream that broke off.
pub(super) fn listen(principal: &Arc<Principal>, headers: &HeaderMap, ticket: Ticket) -> Response<Body> {
    let session = match session(principal, headers) {
        Ok(session) => session,
        Err(refused) => return refused.about(None),
    };
    let outlet = match single(headers, &LAST_EVENT_ID) {
        Ok(None) => Some((Arc::clone(session.general()), None)),
        Ok(Some(id)) => {
            parse_event_id(id).and_then(|(stream, number)| session.stream(stream).map(|outlet| (outlet, Some(number))))
        }
        Err(()) => None,
    };
    let Some((outlet, after)) = outlet else {
        return Refused::Event.about(None);
    };
    session.touch(single(headers, &VERSION).ok().flatten());
    stream(&session, outlet.read(after), ticket)
}

/// Answers a DELETE: the session is over.
pub(super) fn end(principal: &Arc<Principal>, headers: &HeaderMap) -> Response<Body> {
    match session(principal, headers) {
        Ok(session) => {
            principal.end_session(&session);
            reply::empty(StatusCode::NO_CONTENT)
        }
        Err(refused) => refused.about(None),
    }
}

/// Why a message finds no session or stream.
#[derive(Clone, Copy, Debug)]
enum Refused {
    Missing,
    Unknown,
    Event,
    IdInUse,
    Full,
    Gone,
}

impl Refused {
    fn about(self, id: Option<&RequestId>) -> Response<Body> {
        let (status, text) = match self {
            Self::Missing => (StatusCode::BAD_REQUEST, "an Mcp-Session-Id header is needed: begin with `initialize`"),
            Self::Unknown => (StatusCode::NOT_FOUND, "there is no such session: begin again with `initialize`"),
            Self::Event => (StatusCode::BAD_REQUEST, "Last-Event-ID names no stream of this session"),
            Self::IdInUse => (StatusCode::BAD_REQUEST, "a request with this id is still open"),
            Self::Full => (StatusCode::TOO_MANY_REQUESTS, "this agent has too many sessions: end one with DELETE"),
            Self::Gone => {
                return reply::json(StatusCode::SERVICE_UNAVAILABLE, Unavailable::lost().answer(id));
            }
        };
        reply::json(status, error_response(id, ErrorCode::INVALID_REQUEST, text, None))
    }
}

fn session(principal: &Arc<Principal>, headers: &HeaderMap) -> Result<Arc<Session>, Refused> {
    let id = single(headers, &SESSION).map_err(|()| Refused::Unknown)?.ok_or(Refused::Missing)?;
    principal.session(id).ok_or(Refused::Unknown)
}

async fn initialize(principal: &Arc<Principal>, message: Envelope, id: &RequestId, ticket: Ticket) -> Response<Body> {
    let session = match principal.begin_session(SessionId::random(&System).to_string()) {
        Ok(session) => session,
        Err(Busy::TooMany) => return Refused::Full.about(Some(id)),
        Err(Busy::Gone) => return Refused::Gone.about(Some(id)),
    };
    let Some(mut reader) = begin(principal, &session, message, id).await else {
        principal.end_session(&session);
        return Refused::Gone.about(Some(id));
    };
    let mut response = match tokio::time::timeout(STREAM_AFTER, reader.peek()).await {
        Ok(Some(Glance::Result)) => match reader.next().await {
            Some(entry) => {
                session.touch(negotiated(&entry.message).as_deref());
                reply::json(StatusCode::OK, entry.message)
            }
            None => return Refused::Gone.about(Some(id)),
        },
        // Nothing was agreed, so there is no session.
        Ok(first) => {
            principal.end_session(&session);
            return match (first, reader.next().await) {
                (Some(Glance::Error(_)), Some(entry)) => reply::json(StatusCode::OK, entry.message),
                _ => Refused::Gone.about(Some(id)),
            };
        }
        Err(_) => stream(&session, reader, ticket),
    };
    if let Ok(value) = HeaderValue::from_str(session.id()) {
        response.headers_mut().insert(SESSION, value);
    }
    response
}

async fn request(
    principal: &Arc<Principal>,
    session: &Arc<Session>,
    message: Envelope,
    id: &RequestId,
    ticket: Ticket,
) -> Response<Body> {
    let Some(mut reader) = begin(principal, session, message, id).await else {
        return if principal.is_gone() { Refused::Gone } else { Refused::IdInUse }.about(Some(id));
    };
    match tokio::time::timeout(STREAM_AFTER, reader.peek()).await {
        Ok(Some(first)) if first.is_response() => match reader.next().await {
            Some(entry) => reply::json(StatusCode::OK, entry.message),
            None => Refused::Gone.about(Some(id)),
        },
        Ok(None) if principal.is_gone() => Refused::Gone.about(Some(id)),
        // Messages before the response, a response that takes its time, or a request that was cancelled.
        _ => stream(session, reader, ticket),
    }
}

/// Sends a request; `None` when it could not be sent, or its id is in use.
async fn begin(principal: &Principal, session: &Session, message: Envelope, id: &RequestId) -> Option<Reader> {
    let outlet = session.begin(id)?;
    let sent = principal.send(session.channel(), None, message.into_raw()).await;
    if sent.is_err() {
        session.withdraw(id);
        return None;
    }
    Some(outlet.read(None))
}

async fn pass_on(principal: &Principal, session: &Session, message: Envelope) -> Response<Body> {
    match principal.send(session.channel(), None, message.into_raw()).await {
        Ok(()) => reply::empty(StatusCode::ACCEPTED),
        Err(_) => Refused::Gone.about(None),
    }
}

fn stream(session: &Arc<Session>, reader: Reader, ticket: Ticket) -> Response<Body> {
    reply::events(EventStream::resumable(reader, session.knows_priming(), session.connected(), ticket))
}

/// The request that `notifications/cancelled` names.
fn cancelled_request(message: &Envelope) -> Option<RequestId> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, rename = "requestId")]
        request: &'a serde_json::value::RawValue,
    }
    let params = message.params()?;
    let params: Params<'_> = serde_json::from_slice(&params).ok()?;
    RequestId::from_json(params.request.get().to_owned().into()).ok()
}

/// The protocol version that the answer to `initialize` settles on.
fn negotiated(answer: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        result: Settled,
    }
    #[derive(Deserialize)]
    struct Settled {
        #[serde(rename = "protocolVersion")]
        version: String,
    }
    serde_json::from_slice::<Answer>(answer).ok().map(|answer| answer.result.version)
}

/// Headers that a page of an admitted origin may send, and may read.
pub(super) fn let_page_in(response: &mut Response<Body>, origin: &str) {
    let headers = response.headers_mut();
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Mcp-Session-Id"));
}
