//! Sessions of 2025-11-25 and earlier: POST, GET and DELETE with `Mcp-Session-Id`.

use std::{sync::Arc, time::Duration};

use briefcase_mcp::{Envelope, EnvelopeKind, ErrorCode, MessageKind, RequestId, error_response, method};
use briefcase_types::SessionId;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Deserialize;

use super::{
    STREAM_AFTER,
    agent_connection::{AgentConnection, ChannelError},
    entropy::SystemRandom,
    event_buffer::EventReader,
    events::{EventStream, parse_event_id},
    limits::LimitPermit,
    origin_check::single,
    reply::{self, Body, SESSION},
    session::HttpSession,
};
use crate::{daemon::Unavailable, handshake::Handshake};

pub(super) const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The time in which the daemon must answer a repeated handshake.
const HANDSHAKE: Duration = Duration::from_secs(60);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Handles a POST with a legacy message. `version` comes from the header.
pub(super) async fn post(
    agent: &Arc<AgentConnection>,
    message: Envelope,
    version: Option<&str>,
    headers: &HeaderMap,
    permit: LimitPermit,
) -> Response<Body> {
    if let EnvelopeKind::Request { id, method } = message.kind()
        && &**method == method::INITIALIZE
    {
        let id = id.clone();
        return initialize(agent, message, &id, permit).await;
    }
    let session = match session(agent, headers).await {
        Ok(session) => session,
        Err(refused) => return refused.about(message.id()),
    };
    session.touch(version);
    match message.kind() {
        EnvelopeKind::Request { id, .. } => {
            let id = id.clone();
            request(agent, &session, message, &id, permit).await
        }
        EnvelopeKind::Notification { method } => {
            if &**method == method::INITIALIZED {
                session.confirm_handshake(message.raw());
            }
            let cancelled = if &**method == method::CANCELLED { cancelled_request(&message) } else { None };
            let response = pass_on(agent, &session, message).await;
            if let Some(id) = cancelled {
                session.cancelled(&id);
            }
            response
        }
        EnvelopeKind::Response { .. } | EnvelopeKind::ErrorResponse { .. } => pass_on(agent, &session, message).await,
    }
}

/// Handles a GET: opens the session's general stream, or resumes a stream.
pub(super) async fn listen(agent: &Arc<AgentConnection>, headers: &HeaderMap, permit: LimitPermit) -> Response<Body> {
    let session = match session(agent, headers).await {
        Ok(session) => session,
        Err(refused) => return refused.about(None),
    };
    let buffer = match single(headers, &LAST_EVENT_ID) {
        Ok(None) => Some((Arc::clone(session.general()), None)),
        Ok(Some(id)) => {
            parse_event_id(id).and_then(|(stream, number)| session.stream(stream).map(|buffer| (buffer, Some(number))))
        }
        Err(()) => None,
    };
    let Some((buffer, after)) = buffer else {
        return SessionError::Event.about(None);
    };
    session.touch(single(headers, &VERSION).ok().flatten());
    stream(&session, buffer.read(after), permit)
}

/// Handles a DELETE: ends the session.
pub(super) fn end(agent: &Arc<AgentConnection>, headers: &HeaderMap) -> Response<Body> {
    let found = session_id(headers)
        .and_then(|id| agent.session(id).or_else(|| agent.interrupted(id)).ok_or(SessionError::Unknown));
    match found {
        Ok(session) => {
            agent.end_session(&session);
            reply::empty(StatusCode::NO_CONTENT)
        }
        Err(refused) => refused.about(None),
    }
}

/// A session or stream is unavailable.
#[derive(Clone, Copy, Debug)]
enum SessionError {
    Missing,
    Unknown,
    Event,
    IdInUse,
    Full,
    Gone,
}

impl SessionError {
    fn about(self, id: Option<&RequestId>) -> Response<Body> {
        let (status, text) = match self {
            Self::Missing => (StatusCode::BAD_REQUEST, "the Mcp-Session-Id header is missing: start with `initialize`"),
            Self::Unknown => {
                (StatusCode::NOT_FOUND, "the session is unknown or has ended: start again with `initialize`")
            }
            Self::Event => (StatusCode::BAD_REQUEST, "Last-Event-ID names no stream of this session"),
            Self::IdInUse => (StatusCode::BAD_REQUEST, "a request with this id is still in progress"),
            Self::Full => (StatusCode::TOO_MANY_REQUESTS, "this agent has too many sessions: end one with DELETE"),
            Self::Gone => {
                return reply::json(StatusCode::SERVICE_UNAVAILABLE, Unavailable::lost().answer(id));
            }
        };
        reply::json(status, error_response(id, ErrorCode::INVALID_REQUEST, text, None))
    }
}

fn session_id(headers: &HeaderMap) -> Result<&str, SessionError> {
    single(headers, &SESSION).map_err(|()| SessionError::Unknown)?.ok_or(SessionError::Missing)
}

/// Finds the session of a request. A session that was interrupted with the daemon continues here.
async fn session(agent: &Arc<AgentConnection>, headers: &HeaderMap) -> Result<Arc<HttpSession>, SessionError> {
    let id = session_id(headers)?;
    if let Some(session) = agent.session(id) {
        return Ok(session);
    }
    let _one_at_a_time = agent.resuming().await;
    if let Some(session) = agent.session(id) {
        return Ok(session);
    }
    let session = agent.interrupted(id).ok_or(SessionError::Unknown)?;
    resume(agent, &session).await?;
    Ok(session)
}

/// Repeats the handshake of an interrupted session, and tells the client to list again. No other request is repeated.
async fn resume(agent: &Arc<AgentConnection>, session: &Arc<HttpSession>) -> Result<(), SessionError> {
    let (id, initialize) = session.with_handshake(Handshake::again).flatten().ok_or(SessionError::Unknown)?;
    agent.resume(session).map_err(|_| SessionError::Gone)?;
    let repeated = async {
        let buffer = session.begin(&id)?;
        agent.send(session.channel(), None, initialize).await.ok()?;
        let answer = buffer.read(None).next().await?;
        session.with_handshake(|handshake| handshake.agrees(&answer.message))?.ok()?;
        if let Some(initialized) = session.with_handshake(|handshake| handshake.initialized().cloned()).flatten() {
            agent.send(session.channel(), None, initialized).await.ok()?;
        }
        Some(())
    };
    if tokio::time::timeout(HANDSHAKE, repeated).await.ok().flatten().is_none() {
        // The client starts again with `initialize`, and gets the reason there.
        agent.end_session(session);
        return Err(SessionError::Unknown);
    }
    for change in session.with_handshake(Handshake::changes).unwrap_or_default() {
        session.general().push(change, MessageKind::RequestOrNotification);
    }
    Ok(())
}

async fn initialize(
    agent: &Arc<AgentConnection>,
    message: Envelope,
    id: &RequestId,
    permit: LimitPermit,
) -> Response<Body> {
    let session = match agent.begin_session(SessionId::random(&SystemRandom).to_string()) {
        Ok(session) => session,
        Err(ChannelError::TooMany) => return SessionError::Full.about(Some(id)),
        Err(ChannelError::Gone) => return SessionError::Gone.about(Some(id)),
    };
    session.begin_handshake(message.clone());
    let Some(mut reader) = begin(agent, &session, message, id).await else {
        agent.end_session(&session);
        return SessionError::Gone.about(Some(id));
    };
    let mut response = match tokio::time::timeout(STREAM_AFTER, reader.peek()).await {
        Ok(Some(MessageKind::Result)) => match reader.next().await {
            Some(entry) => {
                session.touch(negotiated(&entry.message).as_deref());
                reply::json(StatusCode::OK, entry.message)
            }
            None => return SessionError::Gone.about(Some(id)),
        },
        // Initialization failed, so the session does not exist.
        Ok(first) => {
            agent.end_session(&session);
            return match (first, reader.next().await) {
                (Some(MessageKind::Error(_)), Some(entry)) => reply::json(StatusCode::OK, entry.message),
                _ => SessionError::Gone.about(Some(id)),
            };
        }
        Err(_) => stream(&session, reader, permit),
    };
    if let Ok(value) = HeaderValue::from_str(session.id()) {
        response.headers_mut().insert(SESSION, value);
    }
    response
}

async fn request(
    agent: &Arc<AgentConnection>,
    session: &Arc<HttpSession>,
    message: Envelope,
    id: &RequestId,
    permit: LimitPermit,
) -> Response<Body> {
    let Some(mut reader) = begin(agent, session, message, id).await else {
        return if agent.is_gone() { SessionError::Gone } else { SessionError::IdInUse }.about(Some(id));
    };
    match tokio::time::timeout(STREAM_AFTER, reader.peek()).await {
        Ok(Some(first)) if first.is_response() => match reader.next().await {
            Some(entry) => reply::json(StatusCode::OK, entry.message),
            None => SessionError::Gone.about(Some(id)),
        },
        Ok(None) if agent.is_gone() => SessionError::Gone.about(Some(id)),
        // Messages before the response, a slow response, or a cancelled request.
        _ => stream(session, reader, permit),
    }
}

/// Sends a request; `None` when sending failed or the id is in use.
async fn begin(
    agent: &AgentConnection,
    session: &HttpSession,
    message: Envelope,
    id: &RequestId,
) -> Option<EventReader> {
    let buffer = session.begin(id)?;
    let sent = agent.send(session.channel(), None, message.into_raw()).await;
    if sent.is_err() {
        session.withdraw(id);
        return None;
    }
    Some(buffer.read(None))
}

async fn pass_on(agent: &AgentConnection, session: &HttpSession, message: Envelope) -> Response<Body> {
    match agent.send(session.channel(), None, message.into_raw()).await {
        Ok(()) => reply::empty(StatusCode::ACCEPTED),
        Err(_) => SessionError::Gone.about(None),
    }
}

fn stream(session: &Arc<HttpSession>, reader: EventReader, permit: LimitPermit) -> Response<Body> {
    reply::events(EventStream::resumable(reader, session.knows_priming(), session.connected(), permit))
}

/// The id of the request that `notifications/cancelled` names.
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

/// The protocol version in the response to `initialize`.
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

/// Adds the CORS headers for a page of an allowed origin.
pub(super) fn add_cors_headers(response: &mut Response<Body>, origin: &str) {
    let headers = response.headers_mut();
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Mcp-Session-Id"));
}
