//! An open connection in one era, and how a request of either era is sent over it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use briefcase_json::raw::{self, RawObject};
use briefcase_mcp::method;
use briefcase_ports::{ClientPeer, ClientProfile, Outbound, Reply, SendGate, ServerInfo, UpstreamFailure};
use briefcase_types::Era;
use bytes::Bytes;
use http::HeaderMap;
use tokio::{sync::Notify, time::Instant};

use crate::{
    capabilities,
    failure::{TransportFailure, check_record, protocol},
    identity::ClientIdentity,
    mcp_headers::{self, ParamHeader},
    mrtr,
    pagination::PageSource,
    params,
    request_context::RequestContext,
    transport::{OpenTransport, call::RpcCall},
};

/// An open connection.
pub(crate) struct Connection {
    pub(crate) transport: OpenTransport,
    pub(crate) server_info: Arc<ServerInfo>,
    /// Whether the server gets the name of the agent's client.
    names_client: bool,
    /// Whether the record can still be written.
    gate: SendGate,
    /// The resources that the client subscribed to on a modern server.
    subscribed: Mutex<BTreeSet<String>>,
    pub(crate) subscriptions_changed: Notify,
    usage: Mutex<Usage>,
}

/// The use of a connection.
#[derive(Debug)]
struct Usage {
    requests: usize,
    last: Instant,
}

/// One request on a connection, which is in use until this is dropped.
pub(crate) struct InUse<'a>(&'a Connection);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        let mut usage = self.0.usage.lock().unwrap_or_else(PoisonError::into_inner);
        usage.requests = usage.requests.saturating_sub(1);
        usage.last = Instant::now();
    }
}

const EMPTY_RESULT: Bytes = Bytes::from_static(b"{}");
/// The most resources that one session may subscribe to on one server.
const MAX_SUBSCRIPTIONS: usize = 256;

impl Connection {
    pub(crate) fn new(transport: OpenTransport, server_info: ServerInfo, names_client: bool, gate: SendGate) -> Self {
        transport.messages().establish();
        Self {
            transport,
            server_info: Arc::new(server_info),
            names_client,
            gate,
            subscribed: Mutex::default(),
            subscriptions_changed: Notify::new(),
            usage: Mutex::new(Usage { requests: 0, last: Instant::now() }),
        }
    }

    /// Notes a request.
    pub(crate) fn in_use(&self) -> InUse<'_> {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        usage.requests = usage.requests.saturating_add(1);
        InUse(self)
    }

    /// Whether no request was made for this long, and none is open.
    pub(crate) fn is_idle(&self, after: Duration) -> bool {
        let usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        usage.requests == 0 && usage.last.elapsed() >= after
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.transport.closed().is_cancelled()
    }

    /// Whether `x-mcp-header` arguments are repeated in headers here.
    pub(crate) fn uses_param_headers(&self) -> bool {
        self.server_info.era == Era::Modern && matches!(self.transport, OpenTransport::StreamableHttp(_))
    }

    /// Sends a client's request, translated to the server's era.
    pub(crate) async fn send(
        &self,
        client: &ClientProfile,
        request: &Outbound,
        param_headers: &[ParamHeader],
        peer: &Arc<dyn ClientPeer>,
    ) -> Result<Reply, TransportFailure> {
        check_record(&request.gate)?;
        if self.server_info.era == Era::Legacy {
            return self.send_once(client, request, request.params.clone(), param_headers, peer).await;
        }
        if let Some(reply) = self.answer_locally(request)? {
            return Ok(reply);
        }
        let mut reply = self.send_once(client, request, request.params.clone(), param_headers, peer).await?;
        if client.era == Era::Modern {
            return Ok(reply);
        }
        for _ in 0..mrtr::MAX_ROUNDS {
            let Some(required) = mrtr::input_required(request.method, &reply)? else { return Ok(reply) };
            let params = match mrtr::collect_input(&required, request, peer).await? {
                Ok(params) => params,
                Err(error) => return Ok(Reply::Error(error)),
            };
            reply = self.send_once(client, request, params, param_headers, peer).await?;
        }
        match mrtr::input_required(request.method, &reply)? {
            None => Ok(reply),
            Some(_) => Err(protocol("too_many_rounds")),
        }
    }

    async fn send_once(
        &self,
        client: &ClientProfile,
        request: &Outbound,
        params: Bytes,
        param_headers: &[ParamHeader],
        peer: &Arc<dyn ClientPeer>,
    ) -> Result<Reply, TransportFailure> {
        let params = self.params(client, &params)?;
        let call = RpcCall {
            method: request.method,
            headers: self.headers(request.method, &params, param_headers)?,
            params,
            timeout: request.timeout,
            cancel: request.cancel.clone(),
            context: Some(RequestContext::new(Arc::clone(peer))),
        };
        // A connection may take long to open. The record may have failed meanwhile.
        check_record(&request.gate)?;
        self.transport.call(call).await
    }

    /// Sends a request of Briefcase itself.
    pub(crate) async fn send_own(
        &self,
        client: &ClientProfile,
        method: &'static str,
        params: &Bytes,
        timeout: Duration,
    ) -> Result<Reply, TransportFailure> {
        let params = self.params(client, params)?;
        let headers = self.headers(method, &params, &[])?;
        self.call_own(RpcCall { headers, ..RpcCall::own(method, params, timeout) }).await
    }

    /// Sends a prepared request of Briefcase itself, while the record can be written.
    pub(crate) async fn call_own(&self, call: RpcCall) -> Result<Reply, TransportFailure> {
        check_record(&self.gate)?;
        self.transport.call(call).await
    }

    /// The client that the server sees.
    pub(crate) fn identity(&self, client: &ClientProfile) -> ClientIdentity {
        ClientIdentity::new(client, self.names_client, self.server_info.era)
    }

    fn params(&self, client: &ClientProfile, params: &Bytes) -> Result<Bytes, TransportFailure> {
        let translated = match self.server_info.era {
            Era::Legacy => params::legacy(params),
            Era::Modern => params::modern(params, &self.identity(client), &self.server_info.version),
        };
        translated.ok_or_else(|| protocol("malformed_request"))
    }

    fn headers(
        &self,
        method: &str,
        params: &[u8],
        param_headers: &[ParamHeader],
    ) -> Result<HeaderMap, TransportFailure> {
        match (&self.transport, self.server_info.era) {
            (OpenTransport::StreamableHttp(_), Era::Modern) => {
                mcp_headers::headers(method, params, param_headers).ok_or_else(|| protocol("malformed_request"))
            }
            _ => Ok(HeaderMap::new()),
        }
    }

    /// Answers the legacy requests that a modern server has no method for.
    fn answer_locally(&self, request: &Outbound) -> Result<Option<Reply>, TransportFailure> {
        match request.method {
            method::PING => {}
            method::RESOURCES_SUBSCRIBE => {
                let mut subscribed = self.subscribed.lock().unwrap_or_else(PoisonError::into_inner);
                if subscribed.len() >= MAX_SUBSCRIPTIONS {
                    return Err(protocol("too_many_subscriptions"));
                }
                subscribed.insert(member(&request.params, "uri")?);
                self.subscriptions_changed.notify_one();
            }
            method::RESOURCES_UNSUBSCRIBE => {
                let uri = member(&request.params, "uri")?;
                self.subscribed.lock().unwrap_or_else(PoisonError::into_inner).remove(&uri);
                self.subscriptions_changed.notify_one();
            }
            _ => return Ok(None),
        }
        Ok(Some(Reply::Result(EMPTY_RESULT)))
    }

    /// The `notifications` filter for `subscriptions/listen`; `None` when there is nothing to listen for.
    pub(crate) fn subscription_filter(&self) -> Option<Bytes> {
        let mut parts = Vec::new();
        for (capability, name) in
            [("tools", "toolsListChanged"), ("prompts", "promptsListChanged"), ("resources", "resourcesListChanged")]
        {
            if capabilities::announces_changes(&self.server_info, capability) {
                parts.push(format!(r#""{name}":true"#));
            }
        }
        let subscribed = self.subscribed.lock().unwrap_or_else(PoisonError::into_inner);
        if !subscribed.is_empty() {
            let uris: Vec<_> = subscribed.iter().map(|uri| raw::quote(uri)).collect();
            parts.push(format!(r#""resourceSubscriptions":[{}]"#, uris.join(",")));
        }
        (!parts.is_empty()).then(|| format!(r#"{{"notifications":{{{}}}}}"#, parts.join(",")).into())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.transport.close("replaced");
    }
}

/// Requests the pages of one list for a client.
pub(crate) struct ConnectionPages<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) client: &'a ClientProfile,
    pub(crate) method: &'static str,
    /// Set when the server has ended the session.
    pub(crate) session_ended: &'a std::sync::atomic::AtomicBool,
    /// Whether the session was opened because the last one had ended.
    pub(crate) is_renewed: bool,
}

impl PageSource for ConnectionPages<'_> {
    async fn page(&self, params: Bytes, timeout: Duration) -> Result<Reply, UpstreamFailure> {
        self.connection.send_own(self.client, self.method, &params, timeout).await.map_err(|failure| {
            let ended = matches!(failure, TransportFailure::SessionEnded(_));
            self.session_ended.store(ended, std::sync::atomic::Ordering::SeqCst);
            match failure {
                TransportFailure::SessionEnded(cause) if self.is_renewed => (*cause).into(),
                failure => failure.into(),
            }
        })
    }
}

fn member(params: &[u8], name: &str) -> Result<String, TransportFailure> {
    let found = RawObject::from_slice(params).and_then(|params| params.string(name));
    found.map(Into::into).ok_or_else(|| protocol("malformed_request"))
}
