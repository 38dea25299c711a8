//! Requests and their replies.

use std::{sync::Arc, time::Duration};

use briefcase_egress::{EgressResponse, ResponseBody};
use briefcase_mcp::{Envelope, RequestId, method, notification, request, without_framing};
use briefcase_ports::{Reply, RpcError, UpstreamFailure};
use briefcase_types::Era;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use tokio::time::Instant;

use super::{
    LAST_EVENT_ID, StreamableHttp,
    reply::{TakenEvent, error_about, reply_to},
};
use crate::{
    failure::{MAX_REFUSAL_BYTES, TransportFailure, protocol, refused},
    limits, mcp_headers,
    request_context::{RequestContext, RequestLimits},
    transport::{
        call::{RpcCall, shown_id},
        http_client::{HttpRequest, egress_failure},
        multiplexed::WRONG_ID_GRACE,
        sse_stream::{SseStream, StreamEnd},
    },
};

/// How often one reply's stream may be resumed.
const MAX_RESUMES: usize = 100;
/// The time to deliver a notification or a response.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(15);
/// An event stream may be this many times as long as the longest message, and at least [`MIN_STREAM_BYTES`].
const STREAM_FACTOR: u64 = 4;
/// Room for an event that is read to its end and dropped.
const MIN_STREAM_BYTES: u64 = 128 << 20;

impl StreamableHttp {
    /// Sends a request and waits for its reply.
    pub(crate) async fn call(self: &Arc<Self>, mut call: RpcCall) -> Result<Reply, TransportFailure> {
        let id = self.next_id();
        let notify = self.era == Era::Legacy && call.method != method::INITIALIZE;
        let _in_flight = self.in_flight.enter(id, call.context.as_ref(), &call.params);
        let mut cancel = CancelOnDrop { http: self, id, notify, done: false };
        let headers = std::mem::take(&mut call.headers);
        let limits = RequestLimits {
            timeout: call.timeout,
            cancel: &call.cancel,
            closed: &self.closed,
            context: call.context.as_ref(),
        };
        let outcome = limits.run(self.exchange(id, &call, &headers)).await;
        cancel.done = !was_abandoned(&outcome);
        outcome
    }

    /// Sends a notification.
    pub(crate) async fn notify(&self, name: &str, params: Option<&[u8]>) -> Result<(), TransportFailure> {
        let headers = match self.era {
            Era::Legacy => HeaderMap::new(),
            Era::Modern => mcp_headers::headers(name, b"{}", &[]).unwrap_or_default(),
        };
        self.deliver(notification(name, params), headers).await
    }

    /// Posts a message that has no reply.
    async fn deliver(&self, message: Bytes, headers: HeaderMap) -> Result<(), TransportFailure> {
        let response = self.post(message, &headers, DELIVERY_TIMEOUT, 64 * 1024).await?;
        match response.status {
            status if status.is_success() => {
                SseStream::new(response.body, 1024).finish();
                Ok(())
            }
            status => Err(self.failure_of(status, &response.headers, b"")),
        }
    }

    async fn exchange(
        self: &Arc<Self>,
        id: u32,
        call: &RpcCall,
        headers: &HeaderMap,
    ) -> Result<Reply, TransportFailure> {
        let id = RequestId::number(id);
        let body = request(&id, call.method, Some(&call.params));
        let limit = match call.method {
            method::SUBSCRIPTIONS_LISTEN => u64::MAX,
            _ => self.longest().saturating_mul(STREAM_FACTOR).max(MIN_STREAM_BYTES),
        };
        let response = self.post(body, headers, call.timeout.saturating_mul(100), limit).await?;
        if call.method == method::INITIALIZE {
            self.take_session(&response.headers)?;
        }
        if !response.status.is_success() {
            return self.error(response, &id).await;
        }
        match content_type(&response.headers) {
            ContentType::Json => self.json(response, &id).await,
            ContentType::EventStream => self.follow(response.body, &id, call.context.as_ref()).await,
            ContentType::Other => Err(protocol("content_type")),
        }
    }

    fn take_session(&self, headers: &HeaderMap) -> Result<(), TransportFailure> {
        let Some(session) = headers.get(super::SESSION_ID) else { return Ok(()) };
        let plain = session.as_bytes().iter().all(u8::is_ascii_graphic);
        if !plain || session.is_empty() || session.len() > 1024 {
            return Err(protocol("session_id"));
        }
        let mut session: HeaderValue = session.clone();
        session.set_sensitive(true);
        let _first = self.session.set(session);
        Ok(())
    }

    /// The longest message.
    fn longest(&self) -> u64 {
        u64::try_from(limits::message(&self.limits).bytes).unwrap_or(u64::MAX)
    }

    async fn json(&self, response: EgressResponse, id: &RequestId) -> Result<Reply, TransportFailure> {
        let (limit, announced) = (self.longest(), content_length(&response.headers));
        let too_large = || UpstreamFailure::TooLarge { bytes: announced, limit };
        if announced.is_some_and(|bytes| bytes > limit) {
            return Err(too_large().into());
        }
        let raw = response.body.limited(limit).collect().await.map_err(|error| egress_failure(&error))?;
        let envelope = Envelope::parse_relayed(without_framing(&raw), &limits::message(&self.limits));
        let envelope = envelope.map_err(|_| protocol("malformed"))?;
        if let Some(reply) = reply_to(&envelope, id) {
            return Ok(reply);
        }
        match error_about(&envelope, id) {
            Some(error) if self.names_session(&error) => {
                Err(TransportFailure::SessionEnded(Box::new(UpstreamFailure::SessionEnded.into())))
            }
            Some(error) => Ok(Reply::Error(error)),
            None => {
                let id = envelope.id().map_or_else(|| "null".to_owned(), shown_id);
                Err(UpstreamFailure::WrongId { id }.into())
            }
        }
    }

    /// Reads a response with an error status. A JSON-RPC error in its body takes precedence over the status, unless the
    /// response says that the session is unknown.
    async fn error(&self, response: EgressResponse, id: &RequestId) -> Result<Reply, TransportFailure> {
        let EgressResponse { status, headers, body } = response;
        let is_stream = content_type(&headers) == ContentType::EventStream;
        let body = if is_stream { Bytes::new() } else { body.start(MAX_REFUSAL_BYTES).await };
        let envelope = Envelope::parse_relayed(without_framing(&body), &limits::message(&self.limits)).ok();
        let error = envelope.as_ref().and_then(|envelope| error_about(envelope, id));
        let names_request = envelope.as_ref().is_some_and(|envelope| envelope.id().is_some());
        let failure = refused(status, &headers, &body);
        if self.ends_session(status, error.as_ref().filter(|_| names_request)) {
            return Err(TransportFailure::SessionEnded(Box::new(failure)));
        }
        match error {
            Some(error) if !matches!(status.as_u16(), 401..=403 | 421) => Ok(Reply::Error(error)),
            _ => Err(failure),
        }
    }

    /// Whether the server no longer knows the session. The specification says 404. Widely used servers say 400 or 401,
    /// with any body. `error` is the error that names the request: it may be about the request instead.
    fn ends_session(&self, status: StatusCode, error: Option<&RpcError>) -> bool {
        let ended = match status {
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNAUTHORIZED => true,
            StatusCode::BAD_REQUEST => {
                error.is_none_or(|error| matches!(error.code, -32_099..=-32_000 | -32_600) && !is_modern(error.code))
            }
            _ => false,
        };
        ended && self.session.get().is_some()
    }

    /// Whether an error that names no request is about the session.
    fn names_session(&self, error: &RpcError) -> bool {
        self.session.get().is_some() && error.message.to_ascii_lowercase().contains("session")
    }

    fn failure_of(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> TransportFailure {
        let failure = refused(status, headers, body);
        if self.ends_session(status, None) {
            return TransportFailure::SessionEnded(Box::new(failure));
        }
        failure
    }

    /// Reads a response's event stream until the reply. Resumes the stream where the server allows it.
    async fn follow(
        self: &Arc<Self>,
        body: ResponseBody,
        id: &RequestId,
        context: Option<&Arc<RequestContext>>,
    ) -> Result<Reply, TransportFailure> {
        let longest = limits::message(&self.limits).bytes;
        let mut events = SseStream::new(body, longest);
        let (mut last, mut retry) = (None, None);
        for _ in 0..MAX_RESUMES {
            match self.read(&mut events, id, context).await {
                Ok(reply) => {
                    events.finish();
                    return Ok(reply);
                }
                Err(StreamEnd::Failed(failure)) => return Err(failure),
                Err(StreamEnd::Ended) => {}
            }
            (last, retry) = (events.last_event_id().or(last), events.retry().or(retry));
            let Some(from) = last.as_deref().filter(|_| self.era == Era::Legacy) else { break };
            tokio::time::sleep(pause(retry)).await;
            events = SseStream::new(self.get(Some(from)).await?, longest);
        }
        Err(UpstreamFailure::Unreachable("the connection ended before the answer".into()).into())
    }

    async fn read(
        self: &Arc<Self>,
        events: &mut SseStream,
        id: &RequestId,
        context: Option<&Arc<RequestContext>>,
    ) -> Result<Reply, StreamEnd> {
        let mut other = None::<(String, Instant)>;
        loop {
            let event = match &other {
                None => events.next().await?,
                // The server answered another request here. Its reply to this one may still come.
                Some((id, deadline)) => match tokio::time::timeout_at(*deadline, events.next()).await {
                    Ok(Ok(event)) => event,
                    Ok(Err(StreamEnd::Failed(failure))) => return Err(StreamEnd::Failed(failure)),
                    Ok(Err(StreamEnd::Ended)) | Err(_) => {
                        return Err(StreamEnd::Failed(UpstreamFailure::WrongId { id: id.clone() }.into()));
                    }
                },
            };
            match self.event(&event, Some(id), context).map_err(StreamEnd::Failed)? {
                TakenEvent::Reply(reply) => return Ok(reply),
                TakenEvent::OtherReply(id) => other = other.or_else(|| Some((id, Instant::now() + WRONG_ID_GRACE))),
                TakenEvent::Other => {}
            }
        }
    }

    /// Answers a request of the server.
    pub(super) fn answer(
        self: &Arc<Self>,
        id: RequestId,
        name: Box<str>,
        params: Option<Bytes>,
        context: Option<Arc<RequestContext>>,
    ) {
        let http = Arc::clone(self);
        tokio::spawn(async move {
            let response = tokio::select! {
                () = http.closed.cancelled() => None,
                response = http.messages.respond(&id, &name, params, context) => response,
            };
            if let Some(message) = response {
                let _lost = http.deliver(message, HeaderMap::new()).await;
            }
        });
    }

    /// Resumes a stream, or opens the stream for messages outside of requests.
    pub(super) async fn get(&self, last: Option<&str>) -> Result<ResponseBody, TransportFailure> {
        let last = last.map(HeaderValue::from_str).transpose().map_err(|_| protocol("event_id"))?;
        let request = HttpRequest {
            method: Method::GET,
            path: None,
            body: Bytes::new(),
            timeout: DELIVERY_TIMEOUT,
            limit: u64::MAX,
        };
        let add_headers = |headers: &mut HeaderMap| {
            self.add_connection_headers(headers);
            headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
            if let Some(last) = &last {
                headers.insert(LAST_EVENT_ID, last.clone());
            }
        };
        let response = self.client.send(&request, add_headers).await?;
        match content_type(&response.headers) {
            ContentType::EventStream if response.status.is_success() => Ok(response.body),
            _ if response.status.is_success() => Err(protocol("content_type")),
            _ => Err(self.failure_of(response.status, &response.headers, b"")),
        }
    }
}

/// How long to wait before a stream is resumed: the server's `retry`, at most a minute.
pub(super) fn pause(retry: Option<u64>) -> Duration {
    Duration::from_millis(retry.unwrap_or(1_000).min(60_000))
}

fn was_abandoned(outcome: &Result<Reply, TransportFailure>) -> bool {
    matches!(outcome, Err(TransportFailure::Upstream(UpstreamFailure::Cancelled | UpstreamFailure::TimedOut)))
}

/// The codes of the modern era for a request that the server understood and rejected.
const fn is_modern(code: i64) -> bool {
    matches!(code, -32_022..=-32_020)
}

/// The announced length of a body.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[derive(PartialEq, Eq)]
enum ContentType {
    Json,
    EventStream,
    Other,
}

fn content_type(headers: &HeaderMap) -> ContentType {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => ContentType::Json,
        "text/event-stream" => ContentType::EventStream,
        _ => ContentType::Other,
    }
}

/// A request that waits for its reply. When it is dropped without one, its response stream closes, and a legacy server is
/// notified.
struct CancelOnDrop<'a> {
    http: &'a Arc<StreamableHttp>,
    id: u32,
    notify: bool,
    done: bool,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if !self.notify || self.done || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (http, id) = (Arc::clone(self.http), self.id);
        tokio::spawn(async move {
            let params = format!(r#"{{"requestId":{id}}}"#);
            let _lost = http.notify(method::CANCELLED, Some(params.as_bytes())).await;
        });
    }
}
