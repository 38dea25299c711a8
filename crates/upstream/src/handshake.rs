//! Opening a connection in the era that client and server share, or in the one the server has.

use std::{path::Path, sync::Arc};

use briefcase_egress::{Egress, Target};
use briefcase_mcp::{LEGACY_VERSIONS, MODERN_VERSIONS, method};
use briefcase_output_filter::Redactor;
use briefcase_ports::{ClientProfile, Reply, UpstreamFailure};
use briefcase_types::{Era, ServerId, SessionId};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::task::TaskTracker;

use crate::{
    Directory, EnvValue, HeaderSpec, ServerSpec, Surroundings, Transport, Watcher,
    child::Start,
    coalesce::Origin,
    credentials::Credentials,
    http_wire::HttpWire,
    inbound::{Generations, Inbound},
    link::{Call, Link, Wire},
    params::{self, quoted},
    related::Failure,
    sse_wire, stdio,
};

/// The version of the oldest transport, which is no longer offered but still understood.
const OLDEST: &str = "2024-11-05";

/// What a server said of itself when the connection was opened. Untrusted; never used for routing or names.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// The era in which the connection was opened.
    pub era: Era,
    /// The version agreed on.
    pub version: String,
    /// `capabilities`, raw.
    pub capabilities: Bytes,
    /// `serverInfo`, raw (`{}` when absent).
    pub info: Bytes,
    /// `instructions`.
    pub instructions: Option<String>,
}

/// What all connections of a pool share: no state of any server or agent.
pub(crate) struct Common {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) watcher: Arc<dyn Watcher>,
    pub(crate) egress: Egress,
    pub(crate) surroundings: Surroundings,
    pub(crate) farewells: TaskTracker,
}

/// Which eras a server is known to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) modern: Option<bool>,
    pub(crate) legacy: Option<bool>,
}

/// One opening.
pub(crate) struct Opening<'a> {
    pub(crate) common: &'a Common,
    pub(crate) server: &'a ServerId,
    pub(crate) session: SessionId,
    pub(crate) spec: &'a ServerSpec,
    pub(crate) client: &'a ClientProfile,
    pub(crate) generations: &'a Arc<Generations>,
}

/// A wire whose handshake is not done. A child that is still there after one attempt may be asked in its other era; a
/// wire that is left over, also because nobody waits any more, is closed.
struct Spare(Option<Wire>);

impl Spare {
    /// Holds a new wire, or the one that is there when there is no new one.
    fn hold(&mut self, fresh: Option<Wire>) -> Result<&Wire, Failure> {
        if fresh.is_some() {
            self.close();
            self.0 = fresh;
        }
        self.0.as_ref().ok_or_else(no_handshake)
    }

    fn is_open(&self) -> bool {
        self.0.as_ref().is_some_and(|wire| !wire.closed().is_cancelled())
    }

    fn link(&mut self, greeting: Greeting) -> Result<Link, Failure> {
        self.0.take().map(|wire| Link::new(wire, greeting)).ok_or_else(no_handshake)
    }

    fn close(&mut self) {
        if let Some(wire) = self.0.take() {
            wire.close("no_handshake");
        }
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        self.close();
    }
}

impl Greeting {
    fn capability(&self, name: &str) -> Option<&RawValue> {
        let params::Members(members) = serde_json::from_slice(&self.capabilities).ok()?;
        members.into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// Whether the server declares a capability.
    #[must_use]
    pub fn has(&self, capability: &str) -> bool {
        self.capability(capability).is_some_and(|value| value.get().starts_with('{'))
    }

    /// Whether the server says that it tells of changes to a list.
    #[must_use]
    pub fn announces_changes(&self, capability: &str) -> bool {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(default, rename = "listChanged")]
            changes: bool,
        }
        let declared = self.capability(capability).and_then(|value| serde_json::from_str::<Wire>(value.get()).ok());
        declared.is_some_and(|wire| wire.changes)
    }
}

impl Opening<'_> {
    /// Opens a connection; learns which eras the server speaks on the way.
    pub(crate) async fn open(&self, known: &mut Known) -> Result<Link, UpstreamFailure> {
        let mut spare = Spare(None);
        let mut first = None;
        for era in self.order(*known) {
            let opened = self.attempt(era, &mut spare).await;
            let speaks = match &opened {
                Ok(_) => Some(true),
                Err(failure) if self.other_era_may_do(failure) => Some(false),
                Err(_) => None,
            };
            match era {
                Era::Modern => known.modern = speaks.or(known.modern),
                Era::Legacy => known.legacy = speaks.or(known.legacy),
            }
            match opened {
                Ok(link) => return Ok(link),
                Err(failure) if speaks == Some(false) => first = first.or(Some(failure)),
                Err(failure) => return Err(failure.into()),
            }
        }
        *known = Known::default();
        if let Transport::Http { target, headers } = &self.spec.transport
            && let Some(Failure::Status(400 | 404 | 405 | 406 | 415 | 501)) = first
        {
            return Ok(self.oldest(target, headers).await?);
        }
        Err(first.map_or(UpstreamFailure::Protocol("no_common_version"), UpstreamFailure::from))
    }

    /// The client's era first, unless the server is known not to speak it.
    fn order(&self, known: Known) -> Vec<Era> {
        let (first, second) = match self.client.era {
            Era::Modern => (Era::Modern, Era::Legacy),
            Era::Legacy => (Era::Legacy, Era::Modern),
        };
        let speaks = |era: &Era| match era {
            Era::Modern => known.modern != Some(false),
            Era::Legacy => known.legacy != Some(false),
        };
        let order: Vec<_> = [first, second].into_iter().filter(speaks).collect();
        if order.is_empty() { vec![first, second] } else { order }
    }

    /// Whether the failure says that the server does not speak the era that was tried. A child that ends or stays silent
    /// may have been startled by a method it does not know.
    fn other_era_may_do(&self, failure: &Failure) -> bool {
        let is_child = matches!(self.spec.transport, Transport::Stdio { .. });
        match failure {
            Failure::Gone => true,
            Failure::Status(status) => *status < 500 || *status == 501,
            Failure::Upstream(UpstreamFailure::Protocol(word)) => {
                !matches!(*word, "redirect" | "forbidden_address" | "flood")
            }
            Failure::Upstream(UpstreamFailure::Unreachable(_) | UpstreamFailure::TimedOut) => is_child,
            Failure::Upstream(_) => false,
        }
    }

    async fn attempt(&self, era: Era, spare: &mut Spare) -> Result<Link, Failure> {
        let fresh = match &self.spec.transport {
            Transport::Http { target, headers } => Some(self.http(target, headers, era)),
            Transport::Stdio { .. } if spare.is_open() => None,
            Transport::Stdio { argv, env, cwd } => Some(self.stdio(argv, env, cwd.as_deref())?),
        };
        let wire = spare.hold(fresh)?;
        let greeting = match era {
            Era::Modern => self.discover(wire).await?,
            Era::Legacy => self.initialize(wire).await?,
        };
        spare.link(greeting)
    }

    async fn oldest(&self, target: &Target, headers: &[HeaderSpec]) -> Result<Link, Failure> {
        let client = self.common.egress.client(target.clone());
        let duplex = sse_wire::connect(client, self.credentials(headers), self.inbound(), &self.spec.limits).await?;
        let mut spare = Spare(Some(Wire::Duplex(duplex)));
        let greeting = self.initialize(spare.hold(None)?).await?;
        spare.link(greeting)
    }

    fn inbound(&self) -> Arc<Inbound> {
        let watcher = Arc::clone(&self.common.watcher);
        let origin = Origin { server: self.server.clone(), session: self.session, watcher };
        Inbound::new(origin, Arc::clone(self.generations), self.client.era)
    }

    fn credentials(&self, headers: &[HeaderSpec]) -> Arc<Credentials> {
        Arc::new(Credentials::new(Arc::clone(&self.common.directory), headers.to_vec()))
    }

    fn http(&self, target: &Target, headers: &[HeaderSpec], era: Era) -> Wire {
        let client = self.common.egress.client(target.clone());
        let farewells = self.common.farewells.clone();
        Wire::Http(HttpWire::new(client, era, self.inbound(), self.spec.limits, self.credentials(headers), farewells))
    }

    fn stdio(&self, argv: &[String], env: &[(String, EnvValue)], cwd: Option<&Path>) -> Result<Wire, Failure> {
        let Common { directory, surroundings, farewells, .. } = self.common;
        let start = Start { argv, env, cwd, surroundings, directory: &**directory, farewells };
        Ok(Wire::Duplex(stdio::connect(&start, self.inbound(), &self.spec.limits, self.redactor()?)?))
    }

    /// Knows the child's secrets, so that they are taken out of what it logs.
    fn redactor(&self) -> Result<Redactor, UpstreamFailure> {
        let mut builder = Redactor::builder();
        for name in self.spec.secrets() {
            self.common.directory.with_secret(name, &mut |secret| builder.add(secret.as_bytes()))?;
        }
        builder.build().ok_or_else(|| UpstreamFailure::NotReady("the server's secrets are too large".into()))
    }

    async fn discover(&self, wire: &Wire) -> Result<Greeting, Failure> {
        #[derive(Deserialize)]
        struct Said<'a> {
            #[serde(rename = "supportedVersions")]
            versions: Vec<String>,
            #[serde(borrow)]
            capabilities: &'a RawValue,
            instructions: Option<String>,
            #[serde(borrow, rename = "_meta")]
            meta: Option<&'a RawValue>,
        }
        let [.., newest] = MODERN_VERSIONS;
        if let Wire::Http(http) = wire {
            http.agree(newest)?;
        }
        let params = params::modern(b"{}", self.client, newest, None).unwrap_or_else(|_| Bytes::from_static(b"{}"));
        let timeout = match wire {
            Wire::Http(_) => self.spec.limits.open,
            Wire::Duplex(_) => self.spec.limits.probe,
        };
        let headers = crate::mirror::headers(method::DISCOVER, b"{}", &[]).unwrap_or_default();
        let reply = wire.call(Call { headers, ..Call::own(method::DISCOVER, params, timeout) }).await;
        let raw = result(reply, "discover_refused")?;
        let said: Said<'_> = serde_json::from_slice(&raw).map_err(|_| no_handshake())?;
        let version = MODERN_VERSIONS.iter().rev().find(|known| said.versions.iter().any(|version| version == *known));
        let version = (*version.ok_or_else(no_handshake)?).to_owned();
        Ok(Greeting {
            era: Era::Modern,
            version,
            capabilities: part(&raw, Some(said.capabilities)),
            info: part(&raw, said.meta.and_then(|meta| inner(meta, "io.modelcontextprotocol/serverInfo"))),
            instructions: said.instructions,
        })
    }

    async fn initialize(&self, wire: &Wire) -> Result<Greeting, Failure> {
        #[derive(Deserialize)]
        struct Said<'a> {
            #[serde(rename = "protocolVersion")]
            version: String,
            #[serde(borrow)]
            capabilities: &'a RawValue,
            #[serde(borrow, rename = "serverInfo")]
            info: Option<&'a RawValue>,
            instructions: Option<String>,
        }
        let reply = wire.call(Call::own(method::INITIALIZE, self.hello(), self.spec.limits.open)).await;
        let raw = result(reply, "initialize_refused")?;
        let said: Said<'_> = serde_json::from_slice(&raw).map_err(|_| no_handshake())?;
        if said.version != OLDEST && !LEGACY_VERSIONS.contains(&&*said.version) {
            return Err(no_handshake());
        }
        if let Wire::Http(http) = wire {
            http.agree(&said.version)?;
        }
        wire.tell(method::INITIALIZED, None).await?;
        if let Wire::Http(http) = wire {
            tokio::spawn(Arc::clone(http).listen());
        }
        Ok(Greeting {
            era: Era::Legacy,
            version: said.version,
            capabilities: part(&raw, Some(said.capabilities)),
            info: part(&raw, said.info),
            instructions: said.instructions,
        })
    }

    /// `params` of `initialize`: the client as it is, in the newest version that both ends of Briefcase speak.
    fn hello(&self) -> Bytes {
        let [.., newest] = LEGACY_VERSIONS;
        let asked = self.client.version.as_str();
        let version = if LEGACY_VERSIONS.contains(&asked) { asked } else { newest };
        let info = match params::object_or_empty(&self.client.info) {
            b"{}" => br#"{"name":"briefcase","version":"0"}"#,
            info => info,
        };
        [
            br#"{"protocolVersion":"#.as_slice(),
            &quoted(version),
            br#","capabilities":"#,
            params::object_or_empty(&self.client.capabilities),
            br#","clientInfo":"#,
            info,
            b"}",
        ]
        .concat()
        .into()
    }
}

fn result(reply: Result<Reply, Failure>, refused: &'static str) -> Result<Bytes, Failure> {
    match reply? {
        Reply::Result(raw) => Ok(raw),
        Reply::Error(_) => Err(UpstreamFailure::Protocol(refused).into()),
    }
}

fn no_handshake() -> Failure {
    UpstreamFailure::Protocol("handshake").into()
}

fn part(whole: &Bytes, part: Option<&RawValue>) -> Bytes {
    let part = part.map(|part| part.get()).filter(|text| text.starts_with('{'));
    part.map_or(Bytes::from_static(b"{}"), |text| whole.slice_ref(text.as_bytes()))
}

fn inner<'a>(object: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    let params::Members(members) = serde_json::from_str(object.get()).ok()?;
    members.into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
}
