//! Requests and their answers.

use std::{sync::Arc, time::Duration};

use briefcase_egress::{EgressResponse, ResponseBody};
use briefcase_mcp::{Envelope, EnvelopeKind, RequestId, method, notification, request};
use briefcase_ports::{Reply, RpcError, UpstreamFailure};
use briefcase_types::Era;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{
    HttpWire, LAST_EVENT, SESSION,
    events::{Events, Stop},
};
use crate::{
    link::{Call, rpc_error},
    mirror,
    related::{Bounds, Failure, Related},
};

/// How often one answer's stream may be resumed.
const MOST_RESUMES: usize = 100;
/// To hand a notification or an answer over.
const DELIVERY: Duration = Duration::from_secs(15);
/// An event stream may be so many times as long as the longest message.
const STREAM_FACTOR: u64 = 4;

impl HttpWire {
    /// Sends a request and waits for its answer.
    pub(crate) async fn call(self: &Arc<Self>, mut call: Call) -> Result<Reply, Failure> {
        let number = self.number();
        let tell = self.era == Era::Legacy && call.method != method::INITIALIZE;
        let _running = self.running.enter(number, &call);
        let mut waiting = InFlight { wire: self, number, tell, done: false };
        let headers = std::mem::take(&mut call.headers);
        let bounds = Bounds {
            timeout: call.timeout,
            cancel: &call.cancel,
            closed: &self.closed,
            related: call.related.as_ref(),
        };
        let outcome = bounds.hold(self.exchange(number, &call, headers)).await;
        waiting.done = !gave_up_on(&outcome);
        outcome
    }

    /// Sends a notification.
    pub(crate) async fn tell(&self, name: &str, params: Option<&[u8]>) -> Result<(), Failure> {
        let headers = match self.era {
            Era::Legacy => HeaderMap::new(),
            Era::Modern => mirror::headers(name, b"{}", &[]).unwrap_or_default(),
        };
        self.deliver(notification(name, params), headers).await
    }

    /// Posts a message that has no answer.
    async fn deliver(&self, message: Bytes, headers: HeaderMap) -> Result<(), Failure> {
        let answer = self.post(message, headers, DELIVERY, 64 * 1024).await?;
        match answer.status {
            status if status.is_success() => {
                Events::new(answer.body, 1024).finish();
                Ok(())
            }
            status => Err(self.refused(status)),
        }
    }

    async fn exchange(self: &Arc<Self>, number: u32, call: &Call, headers: HeaderMap) -> Result<Reply, Failure> {
        let id = RequestId::number(number);
        let body = request(&id, call.method, Some(&call.params));
        let most = u64::try_from(self.limits.json().bytes).unwrap_or(u64::MAX);
        let limit =
            if call.method == method::SUBSCRIPTIONS_LISTEN { u64::MAX } else { most.saturating_mul(STREAM_FACTOR) };
        let answer = self.post(body, headers, call.timeout.saturating_mul(100), limit).await?;
        if call.method == method::INITIALIZE {
            self.take_session(&answer.headers)?;
        }
        if !answer.status.is_success() {
            return self.error(answer, &id).await;
        }
        match content_type(&answer.headers) {
            Content::Json => self.json(answer.body, &id).await,
            Content::Events => self.follow(answer.body, &id, call.related.as_ref()).await,
            Content::Other => Err(UpstreamFailure::Protocol("content_type").into()),
        }
    }

    fn take_session(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let Some(session) = headers.get(SESSION) else { return Ok(()) };
        let plain = session.as_bytes().iter().all(u8::is_ascii_graphic);
        if !plain || session.is_empty() || session.len() > 1024 {
            return Err(UpstreamFailure::Protocol("session_id").into());
        }
        let mut session: HeaderValue = session.clone();
        session.set_sensitive(true);
        let _first = self.session.set(session);
        Ok(())
    }

    async fn json(&self, body: ResponseBody, id: &RequestId) -> Result<Reply, Failure> {
        let raw = body.collect().await.map_err(|error| super::egress(&error))?;
        if raw.len() > self.limits.json().bytes {
            return Err(UpstreamFailure::Protocol("too_large").into());
        }
        let envelope =
            Envelope::parse_within(raw, &self.limits.json()).map_err(|_| UpstreamFailure::Protocol("malformed"))?;
        own_answer(&envelope, id).ok_or_else(|| UpstreamFailure::Protocol("wrong_id").into())
    }

    /// An answer with an error status: a JSON-RPC error in its body counts more than the status.
    async fn error(&self, answer: EgressResponse, id: &RequestId) -> Result<Reply, Failure> {
        let status = answer.status;
        let credential = matches!(status.as_u16(), 401..=403);
        if !credential
            && content_type(&answer.headers) == Content::Json
            && let Ok(raw) = answer.body.collect().await
            && let Ok(envelope) = Envelope::parse_within(raw, &self.limits.json())
            && matches!(envelope.kind(), EnvelopeKind::ErrorResponse { id: about } if about.as_ref().is_none_or(|about| about == id))
            && let Some(error) = envelope.error().map(|error| rpc_error(&error))
        {
            return if self.dropped_session(status, &error) { Err(Failure::Gone) } else { Ok(Reply::Error(error)) };
        }
        Err(self.refused(status))
    }

    /// Whether the server no longer knows the session: 404 by the specification, 400 and -32000 by much-used servers.
    fn dropped_session(&self, status: StatusCode, error: &RpcError) -> bool {
        let said = status == StatusCode::NOT_FOUND || (status == StatusCode::BAD_REQUEST && error.code == -32000);
        said && self.session.get().is_some()
    }

    fn refused(&self, status: StatusCode) -> Failure {
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => UpstreamFailure::Unauthorized.into(),
            StatusCode::PAYMENT_REQUIRED => UpstreamFailure::PaymentRequired(None).into(),
            StatusCode::NOT_FOUND if self.session.get().is_some() => Failure::Gone,
            status => Failure::Status(status.as_u16()),
        }
    }

    /// Reads an answer's event stream to the answer, resuming it where the server lets it.
    async fn follow(
        self: &Arc<Self>,
        body: ResponseBody,
        id: &RequestId,
        related: Option<&Arc<Related>>,
    ) -> Result<Reply, Failure> {
        let longest = self.limits.json().bytes;
        let mut events = Events::new(body, longest);
        let (mut last, mut retry) = (None, None);
        for _ in 0..MOST_RESUMES {
            match self.read(&mut events, id, related).await {
                Ok(reply) => {
                    events.finish();
                    return Ok(reply);
                }
                Err(Stop::Failed(failure)) => return Err(failure),
                Err(Stop::Ended) => {}
            }
            (last, retry) = (events.last_event_id().or(last), events.retry().or(retry));
            let Some(from) = last.as_deref().filter(|_| self.era == Era::Legacy) else { break };
            tokio::time::sleep(pause(retry)).await;
            events = Events::new(self.get(Some(from)).await?, longest);
        }
        Err(UpstreamFailure::Unreachable("the connection ended before the answer".into()).into())
    }

    async fn read(
        self: &Arc<Self>,
        events: &mut Events,
        id: &RequestId,
        related: Option<&Arc<Related>>,
    ) -> Result<Reply, Stop> {
        loop {
            let event = events.next().await?;
            if let Some(reply) = self.event(&event, Some(id), related).map_err(Stop::Failed)? {
                return Ok(reply);
            }
        }
    }

    /// Answers a question of the server.
    pub(super) fn asked(
        self: &Arc<Self>,
        id: RequestId,
        name: Box<str>,
        params: Option<Bytes>,
        related: Option<Arc<Related>>,
    ) {
        let wire = Arc::clone(self);
        tokio::spawn(async move {
            let answer = tokio::select! {
                () = wire.closed.cancelled() => None,
                answer = wire.inbound.answer(&id, &name, params, related) => answer,
            };
            if let Some(message) = answer {
                let _lost = wire.deliver(message, HeaderMap::new()).await;
            }
        });
    }

    /// Continues a stream, or opens the stream for what belongs to no request.
    pub(super) async fn get(&self, last: Option<&str>) -> Result<ResponseBody, Failure> {
        let mut headers = self.headers()?;
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(last) = last {
            let value = HeaderValue::from_str(last).map_err(|_| UpstreamFailure::Protocol("event_id"))?;
            headers.insert(LAST_EVENT, value);
        }
        let request = briefcase_egress::EgressRequest {
            method: http::Method::GET,
            path: None,
            headers,
            body: Bytes::new(),
            timeout: DELIVERY,
            limit: u64::MAX,
        };
        let answer = self.client.send(request).await.map_err(|error| super::egress(&error))?;
        match content_type(&answer.headers) {
            Content::Events if answer.status.is_success() => Ok(answer.body),
            _ if answer.status.is_success() => Err(UpstreamFailure::Protocol("content_type").into()),
            _ => Err(self.refused(answer.status)),
        }
    }
}

/// How long to wait before a stream is resumed: as the server says, within reason.
pub(super) fn pause(retry: Option<u64>) -> Duration {
    Duration::from_millis(retry.unwrap_or(1_000).min(60_000))
}

fn gave_up_on(outcome: &Result<Reply, Failure>) -> bool {
    matches!(outcome, Err(Failure::Upstream(UpstreamFailure::Cancelled | UpstreamFailure::TimedOut)))
}

/// The reply, if the message is the answer to exactly this request.
pub(super) fn own_answer(envelope: &Envelope, id: &RequestId) -> Option<Reply> {
    match envelope.kind() {
        EnvelopeKind::Response { id: about } if about == id => envelope.result().map(Reply::Result),
        EnvelopeKind::ErrorResponse { id: Some(about) } if about == id => {
            envelope.error().map(|raw| Reply::Error(rpc_error(&raw)))
        }
        _ => None,
    }
}

#[derive(PartialEq, Eq)]
enum Content {
    Json,
    Events,
    Other,
}

fn content_type(headers: &HeaderMap) -> Content {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => Content::Json,
        "text/event-stream" => Content::Events,
        _ => Content::Other,
    }
}

/// A request that waits. When it is dropped without an answer, its response stream closes, and a legacy server is told.
struct InFlight<'a> {
    wire: &'a Arc<HttpWire>,
    number: u32,
    tell: bool,
    done: bool,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.tell || self.done || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (wire, number) = (Arc::clone(self.wire), self.number);
        tokio::spawn(async move {
            let params = format!(r#"{{"requestId":{number}}}"#);
            let _lost = wire.tell(method::CANCELLED, Some(params.as_bytes())).await;
        });
    }
}
