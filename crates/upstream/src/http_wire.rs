//! Streamable HTTP, both eras: one POST per message, each answer on its own response.
//!
//! Invariants: an answer is taken only from the response to its own request (or, legacy, from the resumption of that
//! very stream); a request is never posted twice; closing the wire ends every stream.

pub(crate) mod events;
mod post;
mod stream;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use briefcase_egress::{EgressError, EgressRequest, EgressResponse, OriginClient};
use briefcase_ports::UpstreamFailure;
use briefcase_types::Era;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{ServerLimits, credentials::Credentials, inbound::Inbound, related::Failure, running::Running};

pub(super) const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
const FAREWELL: Duration = Duration::from_secs(3);

/// One connection: a client, an era, and in the legacy era perhaps a session.
pub(crate) struct HttpWire {
    pub(crate) client: OriginClient,
    pub(crate) era: Era,
    pub(crate) inbound: Arc<Inbound>,
    pub(crate) closed: CancellationToken,
    pub(crate) limits: ServerLimits,
    credentials: Arc<Credentials>,
    farewells: TaskTracker,
    running: Arc<Running>,
    next: AtomicU32,
    version: OnceLock<HeaderValue>,
    session: OnceLock<HeaderValue>,
}

impl HttpWire {
    pub(crate) fn new(
        client: OriginClient,
        era: Era,
        inbound: Arc<Inbound>,
        limits: ServerLimits,
        credentials: Arc<Credentials>,
        farewells: TaskTracker,
    ) -> Arc<Self> {
        Arc::new(Self {
            client,
            era,
            inbound,
            closed: CancellationToken::new(),
            limits,
            credentials,
            farewells,
            running: Arc::default(),
            next: AtomicU32::new(1),
            version: OnceLock::new(),
            session: OnceLock::new(),
        })
    }

    /// From now on every message names this version.
    pub(crate) fn agree(&self, version: &str) -> Result<(), Failure> {
        let value = HeaderValue::from_str(version).map_err(|_| UpstreamFailure::Protocol("version"))?;
        let _same = self.version.set(value);
        Ok(())
    }

    /// Ends the wire: streams stop, waiting calls fail, a legacy session is deleted.
    pub(crate) fn close(&self, reason: &'static str) {
        if self.closed.is_cancelled() {
            return;
        }
        self.closed.cancel();
        self.inbound.closed(reason);
        if self.session.get().is_some() && tokio::runtime::Handle::try_current().is_ok() {
            self.delete_session();
        }
    }

    fn delete_session(&self) {
        let Ok(headers) = self.headers() else { return };
        let request = EgressRequest {
            method: Method::DELETE,
            path: None,
            headers,
            body: Bytes::new(),
            timeout: FAREWELL,
            limit: 4096,
        };
        let client = self.client.clone();
        self.farewells.spawn(async move {
            let _late = client.send(request).await;
        });
    }

    fn number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Headers of every request: credential, version, session.
    fn headers(&self) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::with_capacity(12);
        self.credentials.add_to(&mut headers).map_err(UpstreamFailure::from)?;
        if let Some(version) = self.version.get() {
            headers.insert(VERSION, version.clone());
        }
        if let Some(session) = self.session.get() {
            headers.insert(SESSION, session.clone());
        }
        Ok(headers)
    }

    /// Posts one message.
    async fn post(
        &self,
        body: Bytes,
        extra: HeaderMap,
        timeout: Duration,
        limit: u64,
    ) -> Result<EgressResponse, Failure> {
        let mut headers = self.headers()?;
        headers.extend(extra);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = EgressRequest { method: Method::POST, path: None, headers, body, timeout, limit };
        self.client.send(request).await.map_err(|error| egress(&error))
    }
}

/// What an error of the client means for a call.
pub(crate) fn egress(error: &EgressError) -> Failure {
    Failure::Upstream(match error {
        EgressError::TimedOut(_) => UpstreamFailure::TimedOut,
        EgressError::TooLarge(_) => UpstreamFailure::Protocol("too_large"),
        EgressError::Encoded => UpstreamFailure::Protocol("encoded"),
        EgressError::Redirected { .. } => UpstreamFailure::Protocol("redirect"),
        EgressError::Forbidden(_) => UpstreamFailure::Protocol("forbidden_address"),
        other => UpstreamFailure::Unreachable(other.to_string()),
    })
}
