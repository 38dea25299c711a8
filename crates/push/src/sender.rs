//! The sender: one request per message, and the meaning of the push service's response.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use briefcase_egress::{Egress, EgressError, EgressRequest, EgressResponse, EgressTarget, OriginClient};
use briefcase_types::{Clock, Entropy, UnixMillis, text};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::{Lease, Leases, PushError, PushMessage, Subscription};

const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest accepted response. Only its first words are used.
const LONGEST_RESPONSE: u64 = 64 * 1024;
const LONGEST_REASON: usize = 300;
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// The maximum number of push services with open connections. Few exist.
const MAX_CLIENTS: usize = 32;

const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
const TOPIC: HeaderName = HeaderName::from_static("topic");

/// Sends messages. Holds no key.
pub struct PushSender {
    egress: Egress,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    clients: Mutex<HashMap<String, OriginClient>>,
}

/// The push service accepted the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The time that the service keeps the message, if stated. It may be shorter than the requested TTL.
    pub kept: Option<Duration>,
}

impl PushSender {
    /// Makes a sender that uses this client.
    #[must_use]
    pub fn new(egress: Egress, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { egress, clock, entropy, clients: Mutex::default() }
    }

    /// Encrypts the message for the subscription and sends it to its push service, with the lease for exactly that
    /// service.
    ///
    /// # Errors
    /// [`PushError`]. After [`PushError::Gone`], delete the subscription.
    pub async fn send(
        &self,
        subscription: &Subscription,
        leases: &Leases,
        message: &PushMessage,
    ) -> Result<Delivered, PushError> {
        let audience = subscription.audience();
        let lease = leases.find(&audience, self.clock.now())?;
        let (headers, body) = self.written(subscription, lease, message)?;
        let target = subscription.endpoint();
        let request = EgressRequest {
            method: Method::POST,
            path: Some(target.path_and_query()),
            headers,
            body,
            timeout: SEND_TIMEOUT,
            limit: LONGEST_RESPONSE,
        };
        let answer = self.client(audience, target).send(request).await?;
        outcome(answer, self.clock.now()).await
    }

    fn written(
        &self,
        subscription: &Subscription,
        lease: &Lease,
        message: &PushMessage,
    ) -> Result<(HeaderMap, Bytes), PushError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, lease.header()?);
        headers.insert(TTL, HeaderValue::from(message.ttl.as_secs()));
        headers.insert(URGENCY, HeaderValue::from_static(message.urgency.as_str()));
        if let Some(topic) = message.topic.as_ref().and_then(|topic| HeaderValue::from_str(topic.as_str()).ok()) {
            headers.insert(TOPIC, topic);
        }
        let Some(content) = &message.content else {
            // Some services reject a POST without `Content-Length: 0`.
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            return Ok((headers, Bytes::new()));
        };
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        let body = subscription.keys().seal(&content.text, content.padding, &*self.entropy)?;
        Ok((headers, body.into()))
    }

    /// Returns the client for a push service and address policy. A subscription never uses a connection that its own
    /// policy would not allow.
    fn client(&self, audience: String, target: &EgressTarget) -> OriginClient {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) =
            clients.get(&audience).filter(|client| client.target().address_policy() == target.address_policy())
        {
            return client.clone();
        }
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        let client = self.egress.client(target.clone());
        clients.insert(audience, client.clone());
        client
    }
}

async fn outcome(answer: EgressResponse, now: UnixMillis) -> Result<Delivered, PushError> {
    let EgressResponse { status, headers, body } = answer;
    let number = status.as_u16();
    let reason = async || reason(body.collect().await);
    match status {
        StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED => {
            Ok(Delivered { kept: seconds(headers.get(TTL)) })
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(PushError::Gone(number)),
        StatusCode::PAYLOAD_TOO_LARGE => Err(PushError::TooLarge),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(PushError::Unauthorized { status: number, reason: reason().await })
        }
        StatusCode::TOO_MANY_REQUESTS => Err(PushError::Later { status: number, after: wait(&headers, now) }),
        _ if status.is_server_error() => Err(PushError::Later { status: number, after: wait(&headers, now) }),
        _ => Err(PushError::Refused { status: number, reason: reason().await }),
    }
}

/// The start of the service's text, made printable: untrusted, but shown to people.
fn reason(body: Result<Bytes, EgressError>) -> String {
    let body = body.unwrap_or_default();
    text::printable(text::clip(&String::from_utf8_lossy(&body), LONGEST_REASON))
}

fn seconds(value: Option<&HeaderValue>) -> Option<Duration> {
    value?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Reads `Retry-After`: seconds or a date. The delay is capped at a day.
fn wait(headers: &HeaderMap, now: UnixMillis) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER);
    let after = seconds(value).or_else(|| {
        let date = httpdate::parse_http_date(value?.to_str().ok()?).ok()?;
        let date = date.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(date.saturating_sub(Duration::from_millis(now.0)))
    });
    after.map(|after| after.min(LONGEST_WAIT))
}
