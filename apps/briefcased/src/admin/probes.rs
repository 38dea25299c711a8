//! What a server offers right now, looked at for a person. What is accepted later is exactly what was shown.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use briefcase_api::{FieldDifference, Probe, ServerSpec, ToolView};
use briefcase_egress::{Egress, EgressSettings};
use briefcase_engine::{Engine, tools::Tools};
use briefcase_policy::{authority::Server, pin};
use briefcase_ports::{
    BoxFuture, ClientProfile, ConnectionKey, ListKind, Listing, NotReady, RpcError, SecretSource, ServerCatalog,
    ServerEvent, ServerObserver, Sharing, UpstreamSpec, Upstreams as _,
};
use briefcase_store::Reader;
use briefcase_types::{Digest, Era, SecretName, ServerId, SessionId, ToolName, Transport, text};
use briefcase_upstream::{Pool, PoolParts, http_target};
use bytes::Bytes;

use super::answer::Failure;
use crate::{keep::directory, open::Open};

const KEPT: usize = 16;

/// The newest probes.
#[derive(Default)]
pub struct Probes(Mutex<VecDeque<Arc<Probed>>>);

/// What a probe saw.
pub struct Probed {
    /// What the person was shown.
    pub view: Probe,
    /// How the server was reached.
    pub spec: Option<ServerSpec>,
    /// What it listed.
    pub listing: Arc<Listing>,
}

impl Probes {
    /// Keeps a probe for the change that may follow.
    pub fn keep(&self, probed: Probed) -> Probe {
        let view = probed.view.clone();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT.saturating_sub(1));
        kept.push_front(Arc::new(probed));
        view
    }

    /// The probe of this digest.
    pub fn find(&self, digest: Digest) -> Result<Arc<Probed>, Failure> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|probed| probed.view.digest == digest).map(Arc::clone);
        found.ok_or_else(|| Failure::invalid("What was shown is too old: look at the server again, then accept it."))
    }
}

/// Looks at a server that is not registered (or is, under `name`), on a connection of its own.
pub async fn probe(open: &Open, name: &ServerId, server: &Server, spec: Option<ServerSpec>) -> Result<Probed, Failure> {
    let began = open.engine.now();
    let pool = pool_for(open, server)?;
    let line = line(open, name);
    let info = pool.server_info(&line).await.map_err(|failure| unreachable(&failure));
    let listed = match info {
        Ok(info) => {
            pool.list_tools(&line).await.map(|listing| (info, listing)).map_err(|failure| unreachable(&failure))
        }
        Err(failure) => Err(failure),
    };
    let (info, listing) = match listed {
        Ok(listed) => listed,
        Err(failure) => {
            pool.shutdown().await;
            return Err(failure);
        }
    };
    let resources =
        count(&pool, &line, ListKind::Resources).await + count(&pool, &line, ListKind::ResourceTemplates).await;
    let prompts = count(&pool, &line, ListKind::Prompts).await;
    pool.shutdown().await;
    let tools = open.engine.tools(name, &listing);
    let view = Probe {
        digest: probe_digest(server, &listing),
        protocol: text::printable(&info.version),
        calls_itself: calls_itself(&info.info),
        tools: tool_views(&open.engine, &open.reader, name, server, &tools),
        resources,
        prompts,
        took_ms: open.engine.now().since(began).as_millis().try_into().unwrap_or(u64::MAX),
    };
    Ok(Probed { view, spec, listing })
}

fn probe_digest(server: &Server, listing: &Listing) -> Digest {
    let transport = serde_json::to_value(&server.transport).unwrap_or_default();
    Digest::labelled("briefcase/probe/1", &[&briefcase_json::canonical(&transport), listing.digest.as_bytes()])
}

async fn count(pool: &Pool, line: &ConnectionKey, kind: ListKind) -> u64 {
    pool.list(line, kind).await.map_or(0, |items| u64::try_from(items.len()).unwrap_or(u64::MAX))
}

fn calls_itself(info: &[u8]) -> String {
    let info: serde_json::Value = serde_json::from_slice(info).unwrap_or_default();
    let field = |name: &str| info.get(name).and_then(serde_json::Value::as_str).unwrap_or("?");
    text::printable(text::clip(&format!("{} {}", field("name"), field("version")), 200))
}

fn unreachable(failure: &briefcase_ports::UpstreamFailure) -> Failure {
    let text = format!("The server could not be looked at: {failure}.");
    let next = "Check the address or command, and that its credential is in the vault.";
    Failure::new(axum::http::StatusCode::BAD_GATEWAY, "upstream_error", text, next)
}

fn line(open: &Open, name: &ServerId) -> ConnectionKey {
    // Capabilities of a full client, so that servers which adapt their list show all of it.
    let capabilities = r#"{"elicitation":{"form":{},"url":{}},"roots":{"listChanged":true},"sampling":{"tools":{}}}"#;
    let info = concat!(r#"{"name":"briefcase","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#);
    let client = ClientProfile {
        era: Era::Legacy,
        version: "2025-11-25".to_owned(),
        capabilities: Bytes::from_static(capabilities.as_bytes()),
        info: Bytes::from_static(info.as_bytes()),
    };
    let mut bytes = [0; 16];
    open.entropy.fill(&mut bytes);
    let agent = "briefcase".parse().unwrap_or_else(|_| std::process::abort());
    ConnectionKey {
        agent,
        session: SessionId::random(open.entropy.as_ref()),
        server: name.clone(),
        client: Arc::new(client),
        sharing: Sharing::Session,
    }
}

/// A pool that knows one server.
fn pool_for(open: &Open, server: &Server) -> Result<Pool, Failure> {
    let spec = directory::spec(server).map_err(|error| Failure::invalid(format!("{error}.")))?;
    if let Transport::Http { url, .. } = &spec.transport {
        http_target(url).map_err(|error| Failure::invalid(format!("{error}.")))?;
    }
    let server = Arc::new(OneServer { spec: Arc::new(spec), secrets: open.secrets() });
    let egress = Egress::new(EgressSettings::default()).map_err(|error| Failure::internal(&error))?;
    Ok(Pool::new(PoolParts {
        catalog: server.clone(),
        secrets: server,
        observer: Arc::new(Deaf),
        launcher: Arc::clone(&open.children.launcher),
        egress,
        environment: open.children.environment.clone(),
    }))
}

struct OneServer {
    spec: Arc<UpstreamSpec>,
    secrets: crate::keep::secrets::Secrets,
}

impl ServerCatalog for OneServer {
    fn spec(&self, _: &ServerId) -> Result<Arc<UpstreamSpec>, NotReady> {
        Ok(Arc::clone(&self.spec))
    }
}

impl SecretSource for OneServer {
    fn with_secret(&self, name: &SecretName, visit: &mut dyn FnMut(&str)) -> Result<(), NotReady> {
        self.secrets.show(name, visit)
    }
}

/// Nobody to ask while looking.
struct Deaf;

impl ServerObserver for Deaf {
    fn event(&self, _: &ServerId, _: SessionId, _: ServerEvent) {}

    fn request<'a>(
        &'a self,
        _: &'a ServerId,
        _: SessionId,
        _: &'a str,
        _: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        Box::pin(async { Err(RpcError { code: -32_000, message: "nobody to ask".to_owned(), data: None }) })
    }
}

/// Every tool of a server as a person sees it: what is listed now, and what was accepted.
pub fn tool_views(engine: &Engine, reader: &Reader, name: &ServerId, server: &Server, tools: &Tools) -> Vec<ToolView> {
    let authority = engine.authority();
    let mut views: Vec<ToolView> = tools
        .iter()
        .map(|tool| {
            let accepted = server.pins.get(tool.name());
            let state = match accepted {
                Some(pin) if pin.digest == tool.pin() => "accepted",
                Some(_) => "changed",
                None => "new",
            };
            let class = accepted.map_or("unknown", |pin| pin.class.as_str()).to_owned();
            let risk = briefcase_policy::decision::Risk::of(
                accepted.map(|pin| pin.class).unwrap_or_default(),
                tool.definition(),
            );
            ToolView {
                server: name.clone(),
                name: tool.name().to_string(),
                state: if tool.unusable().is_some() { "quarantined" } else { state }.to_owned(),
                class,
                risk: risk.as_str().to_owned(),
                cost: accepted.and_then(|pin| pin.cost).map(|cost| cost.to_string()),
                summary: summary(tool.definition()),
                hints: hints(tool.definition()),
                flags: tool.poisoning_signals().iter().map(|flag| format!("{flag:?}")).collect(),
                differences: accepted
                    .filter(|_| state == "changed")
                    .map_or_else(Vec::new, |pin| differences(reader, &pin.digest, tool.definition())),
            }
        })
        .collect();
    views.extend(tools.quarantined().iter().map(|(shown, reason)| bare(name, shown, "quarantined", reason)));
    let listed = |tool: &ToolName| tools.find(tool).is_some();
    views.extend(server.pins.keys().filter(|tool| !listed(tool)).map(|tool| bare(name, tool.as_str(), "gone", "")));
    drop(authority);
    views
}

fn bare(server: &ServerId, name: &str, state: &str, summary: &str) -> ToolView {
    ToolView {
        server: server.clone(),
        name: text::printable(name),
        state: state.to_owned(),
        class: "unknown".to_owned(),
        risk: "high".to_owned(),
        cost: None,
        summary: summary.to_owned(),
        hints: Vec::new(),
        flags: Vec::new(),
        differences: Vec::new(),
    }
}

/// The title or first line of the description, made printable.
pub fn summary(definition: &serde_json::Value) -> String {
    let field = |name: &str| definition.get(name).and_then(serde_json::Value::as_str);
    let line = field("title").or_else(|| field("description")).unwrap_or_default().lines().next().unwrap_or_default();
    text::printable(text::clip(line, 160))
}

/// What the server claims.
pub fn hints(definition: &serde_json::Value) -> Vec<String> {
    let annotations = definition.get("annotations").and_then(serde_json::Value::as_object);
    let claims =
        annotations.into_iter().flatten().filter_map(|(name, value)| value.as_bool().map(|value| (name, value)));
    claims.map(|(name, value)| text::printable(text::clip(&format!("{name}={value}"), 64))).collect()
}

fn differences(reader: &Reader, accepted: &Digest, now: &serde_json::Value) -> Vec<FieldDifference> {
    let before = reader.definition(accepted).ok().flatten().and_then(|raw| serde_json::from_slice(&raw).ok());
    let before: serde_json::Value = before.unwrap_or_default();
    let field = |difference: pin::Difference| FieldDifference {
        path: difference.path,
        old: difference.old.map(|value| text::printable(&value.to_string())),
        new: difference.new.map(|value| text::printable(&value.to_string())),
    };
    pin::diff(&before, now).into_iter().map(field).collect()
}
