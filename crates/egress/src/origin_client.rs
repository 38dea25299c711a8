//! Requests and responses. Each (server, credential) has a client of its own, for one origin.

use std::{error::Error as _, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, Error as ClientError},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use tokio::time::timeout;

use crate::{
    EgressError, EgressTarget, PathAndQuery, PeerCheck, Resolver, SystemResolver,
    connector::{ConnectSettings, Connector},
};

/// Settings for all clients.
pub struct EgressSettings {
    /// The time limit to resolve, connect and complete the TLS handshake.
    pub connect: Duration,
    /// The time limit between two chunks of a body that is not an event stream.
    pub idle: Duration,
    /// Certificates that a person trusts in addition to Mozilla's roots.
    pub roots: Vec<CertificateDer<'static>>,
    /// The name resolver.
    pub resolver: Arc<dyn Resolver>,
}

impl Default for EgressSettings {
    fn default() -> Self {
        let (connect, idle) = (Duration::from_secs(10), Duration::from_secs(30));
        Self { connect, idle, roots: Vec::new(), resolver: Arc::new(SystemResolver) }
    }
}

/// Makes clients that share settings. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    settings: Arc<EgressSettings>,
    tls: Arc<ClientConfig>,
}

/// Connections to one origin. Only clones share them.
#[derive(Clone)]
pub struct OriginClient {
    target: EgressTarget,
    client: Client<Connector, Full<Bytes>>,
    idle: Duration,
}

/// One request.
#[derive(Debug)]
pub struct EgressRequest {
    /// The method.
    pub method: Method,
    /// The path on the client's origin; `None` for the target itself.
    pub path: Option<PathAndQuery>,
    /// All headers but `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The time limit for the response's head.
    pub timeout: Duration,
    /// The longest accepted body; `u64::MAX` for streams without an end.
    pub limit: u64,
}

/// A response whose body is not read yet.
pub struct EgressResponse {
    /// The status; never a redirect.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: ResponseBody,
}

/// A response's body as it arrives. Dropping it early closes the connection, which stops the server.
pub struct ResponseBody {
    incoming: Incoming,
    left: u64,
    limit: u64,
    idle: Duration,
}

impl Egress {
    /// Prepares TLS. Fails only when a root certificate cannot be read.
    pub fn new(settings: EgressSettings) -> Result<Self, EgressError> {
        let tls = Arc::new(tls(&settings.roots)?);
        Ok(Self { settings: Arc::new(settings), tls })
    }

    /// Makes a client for the target, with connections of its own.
    #[must_use]
    pub fn client(&self, target: EgressTarget) -> OriginClient {
        self.checked_client(target, None)
    }

    /// Makes a client whose every connection is checked before anything is sent.
    #[must_use]
    pub fn checked_client(&self, target: EgressTarget, check: Option<Arc<dyn PeerCheck>>) -> OriginClient {
        let dial = self.dial(target.clone(), check);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(64)
            .http1_max_headers(100)
            .http1_max_buf_size(64 * 1024)
            .build(Connector(Arc::new(dial)));
        OriginClient { target, client, idle: self.settings.idle }
    }

    /// Opens one connection, has it checked, and closes it. Nothing is sent.
    pub async fn check_peer(&self, target: EgressTarget, check: Arc<dyn PeerCheck>) -> Result<(), EgressError> {
        self.dial(target, Some(check)).open().await.map(drop)
    }

    fn dial(&self, target: EgressTarget, check: Option<Arc<dyn PeerCheck>>) -> ConnectSettings {
        let (resolver, tls) = (Arc::clone(&self.settings.resolver), Arc::clone(&self.tls));
        ConnectSettings { target, resolver, tls, timeout: self.settings.connect, check }
    }
}

impl OriginClient {
    /// The target.
    #[must_use]
    pub const fn target(&self) -> &EgressTarget {
        &self.target
    }

    /// Sends one request. A redirect is an error; any other status is returned. The body is plain and bounded.
    pub async fn send(&self, request: EgressRequest) -> Result<EgressResponse, EgressError> {
        let EgressRequest { method, path, headers, body, timeout, limit } = request;
        let path = path.unwrap_or_else(|| self.target.path_and_query());
        let mut outgoing = http::Request::new(Full::new(body));
        *outgoing.method_mut() = method;
        *outgoing.uri_mut() = path.0;
        *outgoing.headers_mut() = headers;
        outgoing.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let answer = tokio::time::timeout(timeout, self.client.request(outgoing)).await;
        let answer = answer.map_err(|_| EgressError::TimedOut("response"))?.map_err(|error| connection(&error))?;
        let (head, incoming) = answer.into_parts();
        check_head(&head, limit, &self.target)?;
        let body = ResponseBody { incoming, left: limit, limit, idle: self.idle };
        Ok(EgressResponse { status: head.status, headers: head.headers, body })
    }
}

impl ResponseBody {
    /// Returns the next chunk, waiting at most the idle time; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EgressError> {
        timeout(self.idle, self.next()).await.map_err(|_| EgressError::TimedOut("data"))?
    }

    /// Returns the next chunk of an event stream, without a time limit; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, EgressError> {
        while let Some(frame) = self.incoming.frame().await {
            let frame = frame.map_err(|error| EgressError::Connection(chain(&error)))?;
            let Ok(data) = frame.into_data() else { continue };
            if data.is_empty() {
                continue;
            }
            let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
            self.left = self.left.checked_sub(length).ok_or(EgressError::TooLarge(self.limit))?;
            return Ok(Some(data));
        }
        Ok(None)
    }

    /// Returns the same body with another limit, counted from here.
    #[must_use]
    pub fn limited(mut self, limit: u64) -> Self {
        (self.left, self.limit) = (limit, limit);
        self
    }

    /// Reads the start of the body, at most `limit` bytes, as far as it arrives in a few seconds. For error messages.
    pub async fn start(mut self, limit: u64) -> Bytes {
        let mut start = BytesMut::new();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let read = async {
            while start.len() < limit
                && let Ok(Some(chunk)) = self.chunk().await
            {
                let left = limit.saturating_sub(start.len());
                start.extend_from_slice(chunk.get(..left).unwrap_or(&chunk));
            }
        };
        let _slow = timeout(Duration::from_secs(3), read).await;
        start.freeze()
    }

    /// Reads the whole body.
    pub async fn collect(mut self) -> Result<Bytes, EgressError> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut all = BytesMut::from(first);
        all.extend_from_slice(&second);
        while let Some(more) = self.chunk().await? {
            all.extend_from_slice(&more);
        }
        Ok(all.freeze())
    }
}

fn tls(extra: &[CertificateDer<'static>]) -> Result<ClientConfig, EgressError> {
    let failed = |error: rustls::Error| EgressError::Tls(error.to_string());
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in extra {
        roots.add(root.clone()).map_err(failed)?;
    }
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

fn check_head(head: &http::response::Parts, limit: u64, target: &EgressTarget) -> Result<(), EgressError> {
    if head.status.is_redirection() && head.status != StatusCode::NOT_MODIFIED {
        let location = head.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.map(|text| target.resolved(text));
        return Err(EgressError::Redirected { status: head.status.as_u16(), location });
    }
    let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !head.headers.get_all(header::CONTENT_ENCODING).iter().all(plain) {
        return Err(EgressError::Encoded);
    }
    let length = head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match length.and_then(|text| text.parse::<u64>().ok()) {
        Some(length) if length > limit => Err(EgressError::TooLarge(limit)),
        _ => Ok(()),
    }
}

/// Reports the innermost cause of a failure. The connector's own error is passed on unchanged.
fn connection(error: &ClientError) -> EgressError {
    match error.source().and_then(|source| source.downcast_ref::<EgressError>()) {
        Some(EgressError::Forbidden(address)) => EgressError::Forbidden(*address),
        Some(EgressError::Unresolved(text)) => EgressError::Unresolved(text.clone()),
        Some(EgressError::Tls(text)) => EgressError::Tls(text.clone()),
        Some(EgressError::TimedOut(what)) => EgressError::TimedOut(what),
        Some(EgressError::Connection(text)) => EgressError::Connection(text.clone()),
        Some(EgressError::PeerRejected(text)) => EgressError::PeerRejected(text.clone()),
        _ => EgressError::Connection(chain(error)),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
