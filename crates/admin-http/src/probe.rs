//! Probes: what a server lists now, read for a person. A change that follows accepts exactly what the probe showed.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use briefcase_api::{Probe, ServerSpec};
use briefcase_engine::server_texts::ServerTexts;
use briefcase_policy::authority::Server;
use briefcase_ports::{
    ClientFeatures, ClientProfile, ConnectionKey, ListKind, Listing, ServerInfo, Sharing, UpstreamFailure, Upstreams,
};
use briefcase_types::{Digest, Entropy, Era, LoopbackOwner, ServerId, SessionId, text};

use crate::{
    Briefcase, ProbeError,
    error::ApiError,
    fair_table::{FairTable, TableLimits},
    loopback, tool_views,
};

/// Probes that a person may still act on, and their bytes in memory. Any program of this user can make probes.
const LIMITS: TableLimits = TableLimits { entries: 1024, weight: 64 << 20 };
/// The bytes of a probe besides its texts.
const PROBE_COST: usize = 1024;

/// The newest probes, by digest.
pub struct RecentProbes(Mutex<FairTable<Arc<ProbeResult>>>);

impl Default for RecentProbes {
    fn default() -> Self {
        Self(Mutex::new(FairTable::new(LIMITS)))
    }
}

/// The result of a probe.
pub struct ProbeResult {
    /// The summary that the person saw.
    pub view: Probe,
    /// The description by which the server was reached; `None` for a registered server.
    pub spec: Option<ServerSpec>,
    /// The tools that the server listed.
    pub listing: Arc<Listing>,
    /// The tools that a registered server listed at a second look, on connections of its own.
    pub second: Option<Arc<Listing>>,
    /// The listener of a server on this machine that gets a secret.
    pub listener: Option<LoopbackOwner>,
}

impl RecentProbes {
    /// Adds a probe of a process and returns what the person is shown of it.
    pub fn add(&self, result: ProbeResult, process: i32, origin: ProbeOrigin) -> Probe {
        let view = result.view.clone();
        let weight = result.weight();
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.insert(view.digest, Arc::new(result), process, weight);
        if origin == ProbeOrigin::Verified {
            recent.verify(&view.digest);
        }
        view
    }

    /// Finds the probe with this digest.
    ///
    /// # Errors
    /// `invalid` when the probe is missing or was dropped.
    pub fn find(&self, digest: Digest) -> Result<Arc<ProbeResult>, ApiError> {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.use_entry(&digest).map(|(result, _)| Arc::clone(result));
        found.ok_or_else(|| ApiError::invalid("What was shown is too old: probe the server again, then accept it."))
    }
}

/// The origin of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOrigin {
    /// A person asked for it, with evidence of presence.
    Verified,
    /// Any program asked for it.
    Anyone,
}

impl ProbeResult {
    /// The approximate bytes in memory.
    fn weight(&self) -> usize {
        let shown = serde_json::to_vec(&self.view).map_or(0, |view| view.len());
        let listings = std::iter::once(&self.listing).chain(&self.second);
        let tools = listings.flat_map(|listing| &listing.tools);
        tools.fold(shown.saturating_add(PROBE_COST), |sum, tool| sum.saturating_add(tool.raw.len()))
    }
}

/// Probes a server on connections of its own. The server need not be registered.
///
/// # Errors
/// The server cannot be reached, or does not speak MCP.
pub async fn probe(
    briefcase: &Briefcase,
    entropy: &dyn Entropy,
    name: &ServerId,
    server: &Server,
    spec: Option<ServerSpec>,
) -> Result<ProbeResult, ApiError> {
    let began = briefcase.engine.now();
    let Lists { info, listing, resources, prompts } = look(briefcase, entropy, name, server, spec.is_none()).await?;
    let tools = briefcase.engine.tools(name, &listing);
    // A server that is to be compared is looked at twice: some servers change their definitions at each start.
    let second = if spec.is_none() { Some(look(briefcase, entropy, name, server, true).await?.listing) } else { None };
    let texts = briefcase.engine.server_texts();
    let again = second.as_ref().map(|listing| briefcase.engine.tools(name, listing));
    let view = Probe {
        digest: probe_digest(server, spec.as_ref(), &info, &listing, second.as_deref()),
        protocol: texts.text(&info.version),
        calls_itself: claimed_name(&info.info, &texts),
        tools: tool_views::listed(briefcase, name, server, &tools, again.as_deref()),
        resources,
        prompts,
        took_ms: briefcase.engine.now().since(began).as_millis().try_into().unwrap_or(u64::MAX),
        notes: notes(&info, &listing, server),
    };
    Ok(ProbeResult { view, spec, listing, second, listener: info.listener.clone() })
}

/// Looks at a server once, on connections of its own.
async fn look(
    briefcase: &Briefcase,
    entropy: &dyn Entropy,
    name: &ServerId,
    server: &Server,
    is_registered: bool,
) -> Result<Lists, ApiError> {
    let connections = briefcase.connections.for_probe(server).map_err(|error| match error {
        ProbeError::InvalidServer(reason) => ApiError::invalid(format!("{reason}.")),
        ProbeError::Unavailable(reason) => ApiError::internal(&reason),
    })?;
    let found = read_lists(connections.upstreams(), &connection_key(entropy, name)).await;
    connections.shutdown().await;
    found.map_err(|failure| unreachable(name, is_registered, &failure, &briefcase.engine.server_texts()))
}

/// The lists of a probed server.
struct Lists {
    info: Arc<ServerInfo>,
    listing: Arc<Listing>,
    resources: u64,
    prompts: u64,
}

async fn read_lists(connections: &dyn Upstreams, key: &ConnectionKey) -> Result<Lists, UpstreamFailure> {
    let info = connections.server_info(key).await?;
    let listing = connections.list_tools(key).await?;
    let resources =
        count(connections, key, ListKind::Resources).await + count(connections, key, ListKind::ResourceTemplates).await;
    let prompts = count(connections, key, ListKind::Prompts).await;
    Ok(Lists { info, listing, resources, prompts })
}

async fn count(connections: &dyn Upstreams, key: &ConnectionKey, kind: ListKind) -> u64 {
    connections.list(key, kind).await.map_or(0, |items| u64::try_from(items.len()).unwrap_or(u64::MAX))
}

/// The digest of a probe: how the server was reached, which process answered, and what it listed.
fn probe_digest(
    server: &Server,
    spec: Option<&ServerSpec>,
    info: &ServerInfo,
    listing: &Listing,
    second: Option<&Listing>,
) -> Digest {
    let reached = serde_json::json!({ "transport": server.transport, "spec": spec, "listener": info.listener });
    let second = second.map_or(listing.digest, |second| second.digest);
    let reached = briefcase_json::canonical(&reached);
    Digest::labelled("briefcase/probe/3", &[&reached, listing.digest.as_bytes(), second.as_bytes()])
}

/// The name and version that the server claims.
fn claimed_name(info: &[u8], texts: &ServerTexts) -> String {
    let info: serde_json::Value = serde_json::from_slice(info).unwrap_or_default();
    let field = |name: &str| info.get(name).and_then(serde_json::Value::as_str).unwrap_or("?");
    text::clip(&texts.text(&format!("{} {}", field("name"), field("version"))), 200).to_owned()
}

/// What a person should know of a probe besides its lists.
fn notes(info: &ServerInfo, listing: &Listing, server: &Server) -> Vec<String> {
    let mut notes: Vec<String> = listing.note.iter().map(|note| format!("Incomplete: {note}.")).collect();
    match &info.listener {
        Some(owner) => notes.push(format!("Its secret is sent to this listener only: {owner}.")),
        None if loopback::gets_secret(server) => notes.push(
            "The process behind its port cannot be found out: any program that takes the port gets its secret."
                .to_owned(),
        ),
        None => {}
    }
    notes
}

/// The error of a probe, with what the server said about the failure.
fn unreachable(name: &ServerId, is_registered: bool, failure: &UpstreamFailure, texts: &ServerTexts) -> ApiError {
    let (subject, shown) =
        if is_registered { (format!("The server `{name}`"), name.as_str()) } else { ("The server".to_owned(), "NAME") };
    let details = failure.details().map(|details| format!(" {details}")).unwrap_or_default();
    let text = texts.text(&format!("{subject} could not be probed: {failure}.{details}"));
    ApiError::new(StatusCode::BAD_GATEWAY, "upstream_error", text, failure.next_step(shown))
}

fn connection_key(entropy: &dyn Entropy, name: &ServerId) -> ConnectionKey {
    // The features of a full client, so that servers which adapt their list show all of it.
    let features = ClientFeatures {
        elicitation: true,
        elicitation_form: true,
        elicitation_url: true,
        roots: true,
        roots_list_changed: true,
        sampling: true,
        sampling_tools: true,
        ..ClientFeatures::default()
    };
    let client = ClientProfile { era: Era::Legacy, version: "2025-11-25", features, name: None };
    ConnectionKey {
        agent: "briefcase".parse().unwrap_or_else(|_| std::process::abort()),
        session: SessionId::random(entropy),
        server: name.clone(),
        client: Arc::new(client),
        sharing: Sharing::Session,
    }
}
