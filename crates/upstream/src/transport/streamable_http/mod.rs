//! Streamable HTTP, both eras: one POST per message, and each reply on the response to its own request.
//!
//! Invariants: a reply is taken only from the response to its own request (or, legacy, from the resumption of that very
//! stream); a request is never posted twice, except that one which the server rejected for its authorization may be
//! posted again; closing the transport ends every stream.

mod post;
mod reply;
mod stream;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use briefcase_egress::EgressResponse;
use briefcase_ports::ServerLimits;
use briefcase_types::{Era, LoopbackOwner};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::http_client::{HttpClient, HttpRequest};
use crate::{
    failure::{TransportFailure, protocol},
    in_flight::InFlight,
    server_messages::IncomingMessages,
};

const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The time to delete a legacy session.
const DELETE_TIMEOUT: Duration = Duration::from_secs(3);

/// One connection: an HTTP client, an era, and in the legacy era perhaps a session.
pub(crate) struct StreamableHttp {
    pub(crate) era: Era,
    pub(crate) messages: Arc<IncomingMessages>,
    pub(crate) closed: CancellationToken,
    client: HttpClient,
    limits: ServerLimits,
    shutdown_tasks: TaskTracker,
    in_flight: Arc<InFlight>,
    next_id: AtomicU32,
    version: OnceLock<HeaderValue>,
    session: OnceLock<HeaderValue>,
}

impl StreamableHttp {
    pub(crate) fn new(
        client: HttpClient,
        era: Era,
        messages: Arc<IncomingMessages>,
        limits: ServerLimits,
        shutdown_tasks: TaskTracker,
    ) -> Arc<Self> {
        Arc::new(Self {
            client,
            era,
            messages,
            closed: CancellationToken::new(),
            limits,
            shutdown_tasks,
            in_flight: Arc::default(),
            next_id: AtomicU32::new(1),
            version: OnceLock::new(),
            session: OnceLock::new(),
        })
    }

    /// The listener, if the server is guarded.
    pub(crate) fn listener(&self) -> Option<LoopbackOwner> {
        self.client.guard.as_ref()?.found()
    }

    /// Sets the protocol version that every later message names.
    pub(crate) fn set_version(&self, version: &str) -> Result<(), TransportFailure> {
        let value = HeaderValue::from_str(version).map_err(|_| protocol("version"))?;
        let _same = self.version.set(value);
        Ok(())
    }

    /// Closes the transport: streams end, waiting calls fail, a legacy session is deleted.
    pub(crate) fn close(&self, reason: &'static str) {
        if self.closed.is_cancelled() {
            return;
        }
        self.closed.cancel();
        self.messages.closed(reason);
        if self.session.get().is_some() && tokio::runtime::Handle::try_current().is_ok() {
            self.delete_session();
        }
    }

    fn delete_session(&self) {
        let (client, headers) = (self.client.clone(), self.connection_headers());
        let request = HttpRequest {
            method: Method::DELETE,
            path: None,
            body: Bytes::new(),
            timeout: DELETE_TIMEOUT,
            limit: 4096,
        };
        self.shutdown_tasks.spawn(async move {
            let _late = client.send(&request, |all| copy(&headers, all)).await;
        });
    }

    fn next_id(&self) -> u32 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The headers that every request has besides the credential: version and session.
    fn connection_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.add_connection_headers(&mut headers);
        headers
    }

    fn add_connection_headers(&self, headers: &mut HeaderMap) {
        if let Some(version) = self.version.get() {
            headers.insert(PROTOCOL_VERSION, version.clone());
        }
        if let Some(session) = self.session.get() {
            headers.insert(SESSION_ID, session.clone());
        }
    }

    /// Posts one message.
    async fn post(
        &self,
        body: Bytes,
        extra: &HeaderMap,
        timeout: Duration,
        limit: u64,
    ) -> Result<EgressResponse, TransportFailure> {
        let request = HttpRequest { method: Method::POST, path: None, body, timeout, limit };
        let add_headers = |headers: &mut HeaderMap| {
            self.add_connection_headers(headers);
            copy(extra, headers);
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        };
        self.client.send(&request, add_headers).await
    }
}

fn copy(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        to.insert(name.clone(), value.clone());
    }
}
