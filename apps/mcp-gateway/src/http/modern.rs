//! Requests of 2026-07-28 and later, which are stateless.

use std::sync::Arc;

use briefcase_mcp::{
    Envelope, EnvelopeKind, ErrorCode, MODERN_VERSIONS, MessageKind, ParamHeaders, RequestParams, check_headers,
    error_response,
};
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde_json::json;

use super::{
    STREAM_AFTER,
    agent_connection::{AgentConnection, ChannelError},
    events::EventStream,
    limits::LimitPermit,
    reply::{self, Body},
};
use crate::daemon::Unavailable;

/// Handles a POST with a modern message.
pub(super) async fn post(
    agent: &Arc<AgentConnection>,
    message: Envelope,
    params: &RequestParams,
    headers: &HeaderMap,
    permit: LimitPermit,
) -> Response<Body> {
    let id = match message.kind() {
        EnvelopeKind::Request { id, .. } => id.clone(),
        // This version has no client notifications over HTTP: closing a response cancels its request. A notification
        // that names a request could affect another client, so none is forwarded.
        EnvelopeKind::Notification { .. } => return reply::empty(StatusCode::ACCEPTED),
        EnvelopeKind::Response { .. } | EnvelopeKind::ErrorResponse { .. } => {
            return refuse(
                &message,
                ErrorCode::INVALID_REQUEST,
                "this protocol version does not allow responses from clients",
                None,
            );
        }
    };
    let mirrored = match check(&message, params, headers) {
        Ok(mirrored) => mirrored,
        Err((code, text, data)) => return refuse(&message, code, &text, data.as_deref()),
    };
    let (buffer, mut cancel) = match agent.begin(&id) {
        Ok(begun) => begun,
        Err(ChannelError::TooMany) => return reply::empty(StatusCode::TOO_MANY_REQUESTS),
        Err(ChannelError::Gone) => return gone(&message),
    };
    let mut reader = buffer.read(None);
    if agent.send(cancel.channel(), Some(mirrored.to_json()), message.raw().clone()).await.is_err() {
        return gone(&message);
    }
    match tokio::time::timeout(STREAM_AFTER, reader.peek()).await {
        Ok(Some(first)) if first.is_response() => match reader.next().await {
            Some(entry) => {
                cancel.not_needed();
                reply::json(status(entry.kind), entry.message)
            }
            None => lost(&message),
        },
        Ok(None) => lost(&message),
        Ok(Some(_)) | Err(_) => reply::events(EventStream::once(reader, cancel, permit)),
    }
}

/// Checks a modern request, in the order of the specification's test cases.
fn check(
    message: &Envelope,
    params: &RequestParams,
    headers: &HeaderMap,
) -> Result<ParamHeaders, (ErrorCode, String, Option<Vec<u8>>)> {
    let meta = || params.check_modern().map_err(|error| (ErrorCode::INVALID_PARAMS, error.to_string(), None));
    let mismatch = |error: briefcase_mcp::HeaderMismatch| (ErrorCode::HEADER_MISMATCH, error.to_string(), None);
    let Some(version) = &params.protocol_version else {
        meta()?;
        return Ok(ParamHeaders::default());
    };
    check_headers(headers, message, params).map_err(mismatch)?;
    if !params.speaks_our_version() {
        let data = json!({"supported": MODERN_VERSIONS, "requested": version}).to_string().into_bytes();
        let text = "Unsupported protocol version".to_owned();
        return Err((ErrorCode::UNSUPPORTED_PROTOCOL_VERSION, text, Some(data)));
    }
    meta()?;
    ParamHeaders::collect(headers).map_err(mismatch)
}

/// The HTTP status of a response: 200, unless the JSON-RPC error code has a status of its own.
fn status(kind: MessageKind) -> StatusCode {
    match kind {
        MessageKind::Error(code) => StatusCode::from_u16(ErrorCode(code).http_status()).unwrap_or(StatusCode::OK),
        MessageKind::RequestOrNotification | MessageKind::Result => StatusCode::OK,
    }
}

/// Builds an error response of the gateway. All are caused by the request.
fn refuse(message: &Envelope, code: ErrorCode, text: &str, data: Option<&[u8]>) -> Response<Body> {
    reply::json(StatusCode::BAD_REQUEST, error_response(message.id(), code, text, data))
}

/// The response to a request that was sent and not answered.
fn lost(message: &Envelope) -> Response<Body> {
    reply::json(StatusCode::SERVICE_UNAVAILABLE, Unavailable::lost_in_flight().answer(message.id()))
}

fn gone(message: &Envelope) -> Response<Body> {
    let answer: Bytes = Unavailable::lost().answer(message.id());
    reply::json(StatusCode::SERVICE_UNAVAILABLE, answer)
}
