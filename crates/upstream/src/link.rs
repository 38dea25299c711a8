//! An open connection in one era, and how a request of either era goes over it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use briefcase_mcp::method;
use briefcase_ports::{ClientPeer, ClientProfile, Outbound, Reply, RpcError, UpstreamFailure};
use briefcase_types::Era;
use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    Greeting, bridge,
    duplex::Duplex,
    http_wire::HttpWire,
    inbound::Inbound,
    items::Pager,
    mirror::{self, Mirrored},
    params,
    related::{Failure, Related},
};

/// One request as a wire sends it.
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) params: Bytes,
    pub(crate) timeout: Duration,
    pub(crate) cancel: CancellationToken,
    pub(crate) related: Option<Arc<Related>>,
    /// Headers that repeat the body (modern HTTP).
    pub(crate) headers: HeaderMap,
}

/// What carries messages.
pub(crate) enum Wire {
    Duplex(Arc<Duplex>),
    Http(Arc<HttpWire>),
}

/// An open connection.
pub(crate) struct Link {
    pub(crate) wire: Wire,
    pub(crate) greeting: Arc<Greeting>,
    /// The level that the client wants logs from: sent with each request to a modern server, set once on a legacy one.
    level: Mutex<Option<String>>,
    watched: Mutex<BTreeSet<String>>,
    pub(crate) watch_changed: Notify,
}

const DONE: Bytes = Bytes::from_static(b"{}");
/// How many resources one session may watch on one server.
const MOST_WATCHED: usize = 256;

impl Call {
    /// A request of our own, that no client waits for.
    pub(crate) fn own(method: &'static str, params: Bytes, timeout: Duration) -> Self {
        Self { method, params, timeout, cancel: CancellationToken::new(), related: None, headers: HeaderMap::new() }
    }
}

impl Wire {
    pub(crate) async fn call(&self, call: Call) -> Result<Reply, Failure> {
        match self {
            Self::Duplex(duplex) => duplex.call(call).await,
            Self::Http(http) => http.call(call).await,
        }
    }

    pub(crate) async fn tell(&self, method: &str, params: Option<&[u8]>) -> Result<(), Failure> {
        match self {
            Self::Duplex(duplex) => duplex.tell(method, params).await,
            Self::Http(http) => http.tell(method, params).await,
        }
    }

    pub(crate) fn closed(&self) -> &CancellationToken {
        match self {
            Self::Duplex(duplex) => &duplex.closed,
            Self::Http(http) => &http.closed,
        }
    }

    pub(crate) fn inbound(&self) -> &Inbound {
        match self {
            Self::Duplex(duplex) => &duplex.inbound,
            Self::Http(http) => &http.inbound,
        }
    }

    pub(crate) fn close(&self, reason: &'static str) {
        match self {
            Self::Duplex(duplex) => {
                duplex.close(&UpstreamFailure::Unreachable("the connection was closed".into()), reason);
            }
            Self::Http(http) => http.close(reason),
        }
    }
}

impl Link {
    pub(crate) fn new(wire: Wire, greeting: Greeting) -> Self {
        wire.inbound().establish();
        Self {
            wire,
            greeting: Arc::new(greeting),
            level: Mutex::default(),
            watched: Mutex::default(),
            watch_changed: Notify::new(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.wire.closed().is_cancelled()
    }

    /// Sends a client's request, translated to the server's era.
    pub(crate) async fn exchange(
        &self,
        client: &ClientProfile,
        request: &Outbound,
        mirrored: &[Mirrored],
        talk: &Arc<dyn ClientPeer>,
    ) -> Result<Reply, Failure> {
        if self.greeting.era == Era::Legacy {
            self.set_level(params::log_level(&request.params), request).await;
            return self.once(client, request, request.params.clone(), mirrored, talk).await;
        }
        if let Some(reply) = self.answered_here(request)? {
            return Ok(reply);
        }
        let mut reply = self.once(client, request, request.params.clone(), mirrored, talk).await?;
        if client.era == Era::Modern {
            return Ok(reply);
        }
        for _ in 0..bridge::MOST_ROUNDS {
            let Some(asked) = bridge::asked(request.method, &reply)? else { return Ok(reply) };
            let params = match bridge::gather(&asked, request, talk).await? {
                Ok(params) => params,
                Err(error) => return Ok(Reply::Error(error)),
            };
            reply = self.once(client, request, params, mirrored, talk).await?;
        }
        match bridge::asked(request.method, &reply)? {
            None => Ok(reply),
            Some(_) => Err(UpstreamFailure::Protocol("too_many_rounds").into()),
        }
    }

    async fn once(
        &self,
        client: &ClientProfile,
        request: &Outbound,
        params: Bytes,
        mirrored: &[Mirrored],
        talk: &Arc<dyn ClientPeer>,
    ) -> Result<Reply, Failure> {
        let params = self.params(client, &params)?;
        let call = Call {
            method: request.method,
            headers: self.headers(request.method, &params, mirrored)?,
            params,
            timeout: request.timeout,
            cancel: request.cancel.clone(),
            related: Some(Related::new(Arc::clone(talk))),
        };
        self.wire.call(call).await
    }

    /// Sends a request of our own.
    pub(crate) async fn own(
        &self,
        client: &ClientProfile,
        method: &'static str,
        params: &Bytes,
        timeout: Duration,
    ) -> Result<Reply, Failure> {
        let params = self.params(client, params)?;
        let headers = self.headers(method, &params, &[])?;
        self.wire.call(Call { headers, ..Call::own(method, params, timeout) }).await
    }

    fn params(&self, client: &ClientProfile, params: &Bytes) -> Result<Bytes, Failure> {
        let translated = match self.greeting.era {
            Era::Legacy => params::legacy(params),
            Era::Modern => {
                let level = self.level.lock().unwrap_or_else(PoisonError::into_inner).clone();
                params::modern(params, client, &self.greeting.version, level.as_deref())
            }
        };
        translated.map_err(|_| UpstreamFailure::Protocol("malformed_request").into())
    }

    fn headers(&self, method: &str, params: &[u8], mirrored: &[Mirrored]) -> Result<HeaderMap, Failure> {
        match (&self.wire, self.greeting.era) {
            (Wire::Http(_), Era::Modern) => mirror::headers(method, params, mirrored)
                .ok_or_else(|| UpstreamFailure::Protocol("malformed_request").into()),
            _ => Ok(HeaderMap::new()),
        }
    }

    /// Legacy requests that a modern server has no method for.
    fn answered_here(&self, request: &Outbound) -> Result<Option<Reply>, Failure> {
        match request.method {
            method::PING => {}
            method::LOGGING_SET_LEVEL => {
                let level = member(&request.params, "level")?;
                *self.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
            }
            method::RESOURCES_SUBSCRIBE => {
                let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
                if watched.len() >= MOST_WATCHED {
                    return Err(UpstreamFailure::Protocol("too_many_subscriptions").into());
                }
                watched.insert(member(&request.params, "uri")?);
                self.watch_changed.notify_one();
            }
            method::RESOURCES_UNSUBSCRIBE => {
                let uri = member(&request.params, "uri")?;
                self.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&uri);
                self.watch_changed.notify_one();
            }
            _ => return Ok(None),
        }
        Ok(Some(Reply::Result(DONE)))
    }

    /// Tells a legacy server the level that a modern request asks for, once.
    async fn set_level(&self, wanted: Option<String>, request: &Outbound) {
        let Some(wanted) = wanted.filter(|_| self.greeting.has("logging")) else { return };
        {
            let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
            if level.as_deref() == Some(&wanted) {
                return;
            }
            *level = Some(wanted.clone());
        }
        let params = [br#"{"level":"#.as_slice(), &params::quoted(&wanted), b"}"].concat();
        let call = Call::own(method::LOGGING_SET_LEVEL, params.into(), request.timeout);
        let _refused = self.wire.call(call).await;
    }

    /// The `notifications` filter for `subscriptions/listen`; `None` when there is nothing to listen for.
    pub(crate) fn filter(&self) -> Option<Bytes> {
        let mut parts = Vec::new();
        for (capability, name) in
            [("tools", "toolsListChanged"), ("prompts", "promptsListChanged"), ("resources", "resourcesListChanged")]
        {
            if self.greeting.announces_changes(capability) {
                parts.push(format!(r#""{name}":true"#));
            }
        }
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !watched.is_empty() {
            let uris: Vec<_> = watched.iter().map(|uri| params::quoted(uri)).collect();
            parts.push(format!(r#""resourceSubscriptions":[{}]"#, String::from_utf8_lossy(&uris.join(&b','))));
        }
        (!parts.is_empty()).then(|| format!(r#"{{"notifications":{{{}}}}}"#, parts.join(",")).into())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.wire.close("replaced");
    }
}

/// Asks for pages on behalf of a client.
pub(crate) struct LinkPager<'a> {
    pub(crate) link: &'a Link,
    pub(crate) client: &'a ClientProfile,
    pub(crate) method: &'static str,
    /// Set when the server has dropped the session.
    pub(crate) gone: &'a std::sync::atomic::AtomicBool,
}

impl Pager for LinkPager<'_> {
    async fn page(&self, params: Bytes, timeout: Duration) -> Result<Reply, UpstreamFailure> {
        self.link.own(self.client, self.method, &params, timeout).await.map_err(|failure| {
            self.gone.store(matches!(failure, Failure::Gone), std::sync::atomic::Ordering::SeqCst);
            failure.into()
        })
    }
}

/// The error object of an answer.
pub(crate) fn rpc_error(raw: &Bytes) -> RpcError {
    #[derive(Deserialize)]
    struct Wire<'a> {
        code: i64,
        message: String,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    match serde_json::from_slice::<Wire<'_>>(raw) {
        Ok(Wire { code, message, data }) => {
            RpcError { code, message, data: data.map(|data| raw.slice_ref(data.get().as_bytes())) }
        }
        Err(_) => RpcError { code: -32603, message: "the server answered with a malformed error".into(), data: None },
    }
}

fn member(params: &[u8], name: &str) -> Result<String, Failure> {
    let malformed = || Failure::from(UpstreamFailure::Protocol("malformed_request"));
    let params::Members(members) = serde_json::from_slice(params).map_err(|_| malformed())?;
    let found = members.iter().find(|(found, _)| found == name).ok_or_else(malformed)?;
    serde_json::from_str(found.1.get()).map_err(|_| malformed())
}
