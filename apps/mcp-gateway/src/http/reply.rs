//! Responses. All have headers that prevent caching and use by web pages.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{Either, Full};

use super::events::EventStream;

/// The body of every response: fixed bytes or an event stream.
pub(super) type Body = Either<Full<Bytes>, EventStream>;

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// A response with a JSON document.
pub(super) fn json(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = bytes(status, body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    bytes(status, Bytes::new())
}

/// A response with an event stream.
pub(super) fn events(stream: EventStream) -> Response<Body> {
    let mut response = guarded(Response::new(Either::Right(stream)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// Makes the response the last one on its connection.
pub(super) fn and_close(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn bytes(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = guarded(Response::new(Either::Left(Full::new(body))));
    *response.status_mut() = status;
    response
}

fn guarded(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
