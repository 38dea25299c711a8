//! The handshake: opens a connection in the era that client and server share, or in the one the server has.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use briefcase_egress::{AddressPolicy, Egress, EgressTarget, PeerCheck};
use briefcase_json::raw::{RawObject, object as object_of, quote};
use briefcase_mcp::{LEGACY_VERSIONS, MODERN_VERSIONS, method};
use briefcase_output_filter::Redactor;
use briefcase_ports::{
    ClientProfile, HttpRefusal, HttpRefusalKind, Launcher, NotReady, Reply, SecretSource, SendGate, ServerCatalog,
    ServerInfo, ServerObserver, SlowStart, UpstreamFailure, UpstreamSpec,
};
use briefcase_types::{EnvValue, Era, HeaderTemplate, ServerId, SessionId, Transport};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::task::TaskTracker;

use crate::{
    child_environment::ChildEnvironment,
    connection::Connection,
    credentials::HeaderAuthorizer,
    debounce::EventSink,
    failure::{TransportFailure, check_record, protocol},
    http_target::http_target,
    identity::ClientIdentity,
    loopback_guard::LoopbackGuard,
    mcp_headers, params,
    server_messages::{IncomingMessages, ListGenerations},
    transport::{
        OpenTransport,
        call::RpcCall,
        http_client::HttpClient,
        sse,
        stdio::{self, ChildStart},
        streamable_http::StreamableHttp,
    },
};

/// The version of the oldest transport. Briefcase does not offer it, but still speaks it.
const OLDEST_VERSION: &str = "2024-11-05";

/// The time for the end of a child's log after its start was given up.
const LOG_END: Duration = Duration::from_secs(3);

/// What all connections of a pool share. It holds no state of any server or agent.
pub(crate) struct PoolContext {
    pub(crate) catalog: Arc<dyn ServerCatalog>,
    pub(crate) secrets: Arc<dyn SecretSource>,
    pub(crate) observer: Arc<dyn ServerObserver>,
    pub(crate) launcher: Arc<dyn Launcher>,
    pub(crate) egress: Egress,
    pub(crate) environment: ChildEnvironment,
    pub(crate) gate: SendGate,
    pub(crate) shutdown_tasks: TaskTracker,
}

/// The eras that a server is known to speak, or not to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KnownEras {
    pub(crate) modern: Option<bool>,
    pub(crate) legacy: Option<bool>,
}

/// One opening of a connection.
pub(crate) struct ConnectionOpening<'a> {
    pub(crate) pool: &'a PoolContext,
    pub(crate) server: &'a ServerId,
    pub(crate) session: SessionId,
    pub(crate) spec: &'a UpstreamSpec,
    pub(crate) client: &'a ClientProfile,
    pub(crate) generations: &'a Arc<ListGenerations>,
    /// The time for the start and the handshake.
    pub(crate) timeout: Duration,
}

/// A transport whose handshake is not done. A child that still runs after one attempt is probed in its other era. A
/// transport that is left over is closed, also when nobody waits any more.
struct PendingTransport(Option<OpenTransport>);

impl PendingTransport {
    /// Takes a new transport. Without one, keeps the one that is there.
    fn set(&mut self, fresh: Option<OpenTransport>) -> Result<&OpenTransport, TransportFailure> {
        if fresh.is_some() {
            self.close();
            self.0 = fresh;
        }
        self.0.as_ref().ok_or_else(failed)
    }

    fn is_open(&self) -> bool {
        self.0.as_ref().is_some_and(|transport| !transport.closed().is_cancelled())
    }

    fn close(&mut self) {
        if let Some(transport) = self.0.take() {
            transport.close("no_handshake");
        }
    }
}

impl Drop for PendingTransport {
    fn drop(&mut self) {
        self.close();
    }
}

impl ConnectionOpening<'_> {
    /// Opens a connection, and learns on the way which eras the server speaks.
    pub(crate) async fn open(&self, known: &mut KnownEras) -> Result<Connection, UpstreamFailure> {
        let mut pending = PendingTransport(None);
        let opened = self.open_in_known_era(known, &mut pending).await;
        match (opened, &pending.0) {
            // A child that does not answer may still be starting, and its log may say why.
            (Err(UpstreamFailure::TimedOut), Some(OpenTransport::Multiplexed(multiplexed))) => {
                let log_end = Arc::clone(&multiplexed.log_end);
                pending.close();
                let _open = tokio::time::timeout(LOG_END, log_end.finished.cancelled()).await;
                let mut log = log_end.last_lines();
                if self.spec.pipes {
                    log.opened = None;
                }
                Err(UpstreamFailure::SlowStart(Box::new(SlowStart { after: self.timeout, log })))
            }
            (opened, _) => opened,
        }
    }

    async fn open_in_known_era(
        &self,
        known: &mut KnownEras,
        pending: &mut PendingTransport,
    ) -> Result<Connection, UpstreamFailure> {
        let (mut first, mut was_silent) = (None, false);
        for era in self.order(*known) {
            let opened = self.attempt(era, pending).await;
            let speaks = match &opened {
                Ok(_) => Some(true),
                Err(failure) if self.may_speak_other_era(failure) => Some(false),
                Err(_) => None,
            };
            match era {
                Era::Modern => known.modern = speaks.or(known.modern),
                Era::Legacy => known.legacy = speaks.or(known.legacy),
            }
            was_silent |= era == Era::Modern
                && matches!(opened, Err(TransportFailure::Upstream(UpstreamFailure::TimedOut)))
                && matches!(self.spec.transport, Transport::Stdio { .. });
            match opened {
                Ok(connection) => return Ok(connection),
                Err(failure) if speaks == Some(false) => first = first.or(Some(failure)),
                Err(failure) => return Err(failure.into()),
            }
        }
        *known = KnownEras::default();
        // A child that was still starting when it was probed answers now.
        if was_silent && pending.is_open() {
            let connection = self.attempt(Era::Modern, pending).await?;
            known.modern = Some(true);
            return Ok(connection);
        }
        if let Transport::Http { url, headers } = &self.spec.transport
            && let Some(TransportFailure::Status(HttpRefusal {
                status: 400 | 404 | 405 | 406 | 410 | 415 | 501, ..
            })) = first
        {
            return Ok(self.open_oldest(url, headers).await?);
        }
        Err(first.map_or(UpstreamFailure::Protocol("no_common_version"), UpstreamFailure::from))
    }

    /// The client's era first if the connection may show it, otherwise the newest; without the eras that the server is known
    /// not to speak.
    fn order(&self, known: KnownEras) -> Vec<Era> {
        let own = Some(self.client.era).filter(|_| self.client.is_shown);
        let both = match own.unwrap_or(Era::Modern) {
            Era::Modern => [Era::Modern, Era::Legacy],
            Era::Legacy => [Era::Legacy, Era::Modern],
        };
        let speaks = |era: &Era| match era {
            Era::Modern => known.modern != Some(false),
            Era::Legacy => known.legacy != Some(false),
        };
        let order: Vec<_> = both.into_iter().filter(speaks).collect();
        if order.is_empty() { both.to_vec() } else { order }
    }

    /// Whether the failure means that the server does not speak the probed era. A child that ends or stays silent may
    /// have failed on a method it does not know.
    fn may_speak_other_era(&self, failure: &TransportFailure) -> bool {
        let is_child = matches!(self.spec.transport, Transport::Stdio { .. });
        match failure {
            TransportFailure::SessionEnded(_) => true,
            TransportFailure::Status(refusal) => match refusal.kind {
                HttpRefusalKind::NotFound | HttpRefusalKind::MethodNotAllowed | HttpRefusalKind::NotAcceptable => true,
                HttpRefusalKind::ServerError => refusal.status == 501,
                HttpRefusalKind::Other => refusal.status < 500,
                _ => false,
            },
            TransportFailure::Upstream(UpstreamFailure::Protocol(word)) => {
                !matches!(*word, "forbidden_address" | "flood")
            }
            TransportFailure::Upstream(
                UpstreamFailure::Unreachable(_) | UpstreamFailure::Ended(_) | UpstreamFailure::TimedOut,
            ) => is_child,
            TransportFailure::Upstream(UpstreamFailure::WrongId { .. }) => true,
            TransportFailure::Upstream(_) => false,
        }
    }

    async fn attempt(&self, era: Era, pending: &mut PendingTransport) -> Result<Connection, TransportFailure> {
        check_record(&self.pool.gate)?;
        let fresh = match &self.spec.transport {
            Transport::Http { url, headers } => Some(self.http(url, headers, era)?),
            Transport::Stdio { .. } if pending.is_open() => None,
            Transport::Stdio { argv, env, cwd } => Some(self.stdio(argv, env, cwd.as_deref().map(Path::new)).await?),
        };
        let transport = pending.set(fresh)?;
        let server_info = match era {
            Era::Modern => self.discover(transport).await?,
            Era::Legacy => self.initialize(transport).await?,
        };
        self.connected(pending, server_info)
    }

    async fn open_oldest(&self, url: &str, headers: &[HeaderTemplate]) -> Result<Connection, TransportFailure> {
        check_record(&self.pool.gate)?;
        let client = self.http_client(url, headers)?;
        let multiplexed = sse::connect(client, self.messages(), &self.spec.limits).await?;
        let mut pending = PendingTransport(Some(OpenTransport::Multiplexed(multiplexed)));
        let server_info = self.initialize(pending.set(None)?).await?;
        self.connected(&mut pending, server_info)
    }

    fn connected(
        &self,
        pending: &mut PendingTransport,
        server_info: ServerInfo,
    ) -> Result<Connection, TransportFailure> {
        let transport = pending.0.take().ok_or_else(failed)?;
        Ok(Connection::new(transport, server_info, self.spec.names_client, self.pool.gate.clone()))
    }

    fn messages(&self) -> Arc<IncomingMessages> {
        let observer = Arc::clone(&self.pool.observer);
        let sink = EventSink { server: self.server.clone(), session: self.session, observer };
        IncomingMessages::new(sink, Arc::clone(self.generations), self.client.era)
    }

    fn http_client(&self, url: &str, headers: &[HeaderTemplate]) -> Result<HttpClient, UpstreamFailure> {
        let target = http_target(url).map_err(|error| NotReady(error.to_string()))?;
        let authorizer = HeaderAuthorizer::new(Arc::clone(&self.pool.secrets), headers)?;
        let guard = self.guard(&target);
        let check = guard.clone().map(|guard| -> Arc<dyn PeerCheck> { guard });
        Ok(HttpClient {
            origin: self.pool.egress.checked_client(target, check),
            authorizer: Arc::new(authorizer),
            redactor: Arc::new(self.redactor()?),
            guard,
        })
    }

    /// The guard of a server on this machine that gets a secret.
    fn guard(&self, target: &EgressTarget) -> Option<Arc<LoopbackGuard>> {
        let is_local = target.address_policy() == AddressPolicy::Loopback;
        let gets_secret = self.spec.transport.secrets().next().is_some();
        (is_local && gets_secret).then(|| LoopbackGuard::new(self.spec.loopback_owner.clone()))
    }

    fn http(&self, url: &str, headers: &[HeaderTemplate], era: Era) -> Result<OpenTransport, TransportFailure> {
        let client = self.http_client(url, headers)?;
        let shutdown_tasks = self.pool.shutdown_tasks.clone();
        let http = StreamableHttp::new(client, era, self.messages(), self.spec.limits, shutdown_tasks);
        Ok(OpenTransport::StreamableHttp(http))
    }

    async fn stdio(
        &self,
        argv: &[String],
        env: &BTreeMap<String, EnvValue>,
        cwd: Option<&Path>,
    ) -> Result<OpenTransport, TransportFailure> {
        let PoolContext { secrets, launcher, environment, shutdown_tasks, .. } = self.pool;
        let (secrets, launcher) = (&**secrets, &**launcher);
        let pipes = self.spec.pipes;
        let start = ChildStart { argv, env, cwd, pipes, environment, secrets, launcher, shutdown_tasks };
        let multiplexed = stdio::connect(&start, self.messages(), &self.spec.limits, self.redactor()?).await?;
        Ok(OpenTransport::Multiplexed(multiplexed))
    }

    /// A redactor that knows the server's secrets, to remove them from what the server says about a failure.
    fn redactor(&self) -> Result<Redactor, UpstreamFailure> {
        let mut builder = Redactor::builder();
        for name in self.spec.transport.secrets() {
            self.pool.secrets.with_secret(name, &mut |secret| builder.add(secret.as_bytes()))?;
        }
        builder.build().ok_or_else(|| UpstreamFailure::NotReady("the server's secrets are too large".into()))
    }

    async fn discover(&self, transport: &OpenTransport) -> Result<ServerInfo, TransportFailure> {
        #[derive(Deserialize)]
        struct DiscoverResult<'a> {
            #[serde(rename = "supportedVersions")]
            versions: Vec<String>,
            #[serde(borrow)]
            capabilities: &'a RawValue,
            instructions: Option<String>,
            #[serde(borrow, rename = "_meta")]
            meta: Option<&'a RawValue>,
        }
        let [.., newest] = MODERN_VERSIONS;
        if let OpenTransport::StreamableHttp(http) = transport {
            http.set_version(newest)?;
        }
        let params = params::modern(b"{}", &self.identity(Era::Modern), newest);
        let params = params.unwrap_or_else(|| Bytes::from_static(b"{}"));
        let timeout = match transport {
            OpenTransport::StreamableHttp(_) => self.timeout,
            OpenTransport::Multiplexed(_) => self.spec.limits.probe,
        };
        let headers = mcp_headers::headers(method::DISCOVER, b"{}", &[]).unwrap_or_default();
        let reply = transport.call(RpcCall { headers, ..RpcCall::own(method::DISCOVER, params, timeout) }).await;
        let raw = result(reply, "discover_refused")?;
        let discovered: DiscoverResult<'_> = serde_json::from_slice(&raw).map_err(|_| failed())?;
        let meta = discovered.meta.and_then(|meta| RawObject::parse(meta.get()));
        let info = meta.and_then(|meta| meta.get("io.modelcontextprotocol/serverInfo"));
        let supported = |version: &&&str| discovered.versions.iter().any(|offered| offered == **version);
        let version = (*MODERN_VERSIONS.iter().rev().find(supported).ok_or_else(failed)?).to_owned();
        Ok(ServerInfo {
            era: Era::Modern,
            version,
            capabilities: object(&raw, Some(discovered.capabilities.get())),
            info: object(&raw, info),
            instructions: discovered.instructions,
            listener: transport.listener(),
        })
    }

    async fn initialize(&self, transport: &OpenTransport) -> Result<ServerInfo, TransportFailure> {
        #[derive(Deserialize)]
        struct InitializeResult<'a> {
            #[serde(rename = "protocolVersion")]
            version: String,
            #[serde(borrow)]
            capabilities: &'a RawValue,
            #[serde(borrow, rename = "serverInfo")]
            info: Option<&'a RawValue>,
            instructions: Option<String>,
        }
        let call = RpcCall::own(method::INITIALIZE, self.initialize_params(), self.timeout);
        let raw = result(transport.call(call).await, "initialize_refused")?;
        let initialized: InitializeResult<'_> = serde_json::from_slice(&raw).map_err(|_| failed())?;
        if initialized.version != OLDEST_VERSION && !LEGACY_VERSIONS.contains(&&*initialized.version) {
            return Err(failed());
        }
        if let OpenTransport::StreamableHttp(http) = transport {
            http.set_version(&initialized.version)?;
        }
        transport.notify(method::INITIALIZED, None).await?;
        if let OpenTransport::StreamableHttp(http) = transport {
            tokio::spawn(Arc::clone(http).listen());
        }
        Ok(ServerInfo {
            era: Era::Legacy,
            version: initialized.version,
            capabilities: object(&raw, Some(initialized.capabilities.get())),
            info: object(&raw, initialized.info.map(RawValue::get)),
            instructions: initialized.instructions,
            listener: transport.listener(),
        })
    }

    fn identity(&self, era: Era) -> ClientIdentity {
        ClientIdentity::new(self.client, self.spec.names_client, era)
    }

    /// The `params` of `initialize`: Briefcase itself, in the newest version that it speaks.
    fn initialize_params(&self) -> Bytes {
        let [.., newest] = LEGACY_VERSIONS;
        let (version, identity) = (quote(newest), self.identity(Era::Legacy));
        let members = [
            ("protocolVersion", version.as_str()),
            ("capabilities", &*identity.capabilities),
            ("clientInfo", identity.info.as_str()),
        ];
        object_of(members).into()
    }
}

fn result(reply: Result<Reply, TransportFailure>, refused: &'static str) -> Result<Bytes, TransportFailure> {
    match reply? {
        Reply::Result(raw) => Ok(raw),
        Reply::Error(_) => Err(protocol(refused)),
    }
}

fn failed() -> TransportFailure {
    protocol("handshake")
}

/// A part of the raw result that is an object; `{}` for anything else.
fn object(whole: &Bytes, part: Option<&str>) -> Bytes {
    let part = part.filter(|text| text.starts_with('{'));
    part.map_or(Bytes::from_static(b"{}"), |text| whole.slice_ref(text.as_bytes()))
}
