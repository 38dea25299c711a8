//! Servers: their registration, and probes of what they offer.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
};
use briefcase_api::{Confidential, Evidence, Look, Probe, ServerSpec, ServerView};
use briefcase_engine::tools::Tool;
use briefcase_policy::authority::{Class, Pin, ReadsGranted, Server};
use briefcase_types::{Digest, LoopbackOwner, ServerId, ServerSettings, ToolName};

use super::{count, tools};
use crate::{
    Briefcase,
    connections::ConnectionHandle,
    edit::Edit,
    error::{ApiError, ApiResult},
    evidence::evidence,
    loopback,
    probe::{ProbeOrigin, probe as probe_server},
    state::AdminState,
};

/// `GET /v1/servers`
pub async fn list(State(admin): State<Arc<AdminState>>) -> ApiResult<Vec<ServerView>> {
    let briefcase = admin.briefcase()?;
    let authority = briefcase.engine.authority();
    let view = |(name, server): (&ServerId, &Server)| ServerView {
        name: name.clone(),
        spec: server.transport.clone().into(),
        enabled: server.enabled,
        tools: count(server.pins.len()),
        connections: count(briefcase.connections.count(name)),
        reads_granted: server.reads_granted.resources || server.reads_granted.prompts,
        settings: server.settings.clone(),
        unbound_listener: loopback::is_unbound(server),
    };
    Ok(Json(authority.document().servers.iter().map(view).collect()))
}

/// `POST /v1/servers/probe`, at the socket only: probes a server that need not be registered.
pub async fn probe(
    State(admin): State<Arc<AdminState>>,
    Extension(connection): Extension<ConnectionHandle>,
    Json(look): Json<Look<Confidential>>,
) -> ApiResult<Probe> {
    let briefcase = admin.briefcase()?;
    let name = "probe".parse().map_err(|_| ApiError::invalid("No name."))?;
    let (spec, given) = match look {
        Look::Proven { spec, evidence } => (spec, Some(evidence)),
        Look::Bare(spec) => (spec, None),
    };
    let mut server = Server::new(spec.clone().into());
    server.settings = spec.settings().clone();
    // Nobody has accepted a listener of an unregistered server.
    server.settings.loopback_owner = None;
    let permission = check_secrets_may_be_sent(&briefcase, &server, given).await?;
    let origin = if permission == MaySend::Proven { ProbeOrigin::Verified } else { ProbeOrigin::Anyone };
    if let MaySend::AsRegistered(known) = permission {
        server.settings = known;
    }
    let result = probe_server(&briefcase, admin.parts.entropy.as_ref(), &name, &server, Some(spec)).await?;
    Ok(Json(admin.probes.add(result, connection.process().unwrap_or_default(), origin)))
}

/// Why a probe may send the server its secrets.
#[derive(PartialEq)]
enum MaySend {
    /// The server gets no secret.
    NoSecret,
    /// A registered server with these settings gets them already.
    AsRegistered(ServerSettings),
    /// A person allowed it.
    Proven,
}

/// Requires evidence before a probe sends a secret to a server that does not get it already. Without this check, every program
/// that reaches the socket could send any secret to a program or host of its own. Returns the settings of the registered
/// server that gets the secret already: a probe without evidence uses them, the accepted listener included.
async fn check_secrets_may_be_sent(
    briefcase: &Briefcase,
    server: &Server,
    given: Option<Evidence<Confidential>>,
) -> Result<MaySend, ApiError> {
    let authority = briefcase.engine.authority();
    if server.transport.secrets().next().is_none() {
        return Ok(MaySend::NoSecret);
    }
    let Some(given) = given else {
        let is_same = |known: &&Server| known.enabled && known.transport == server.transport;
        if let Some(known) = authority.document().servers.values().find(is_same) {
            return Ok(MaySend::AsRegistered(known.settings.clone()));
        }
        let text = "This shows a secret to a server that is not registered.";
        let next = "Add the server with `briefcase server add`, which asks for the PIN first.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "factor_required", text, next));
    };
    let transport = serde_json::to_value(&server.transport).map_err(|error| ApiError::internal(&error))?;
    let digest = Digest::labelled("briefcase/look/1", &[&briefcase_json::canonical(&transport)]);
    briefcase.engine.check(evidence(given)?, digest).await?;
    Ok(MaySend::Proven)
}

/// `GET /v1/servers/{id}/listener`: the process that listens now on the port of a server on this machine.
pub async fn listener(
    State(admin): State<Arc<AdminState>>,
    Path(name): Path<ServerId>,
) -> ApiResult<Option<LoopbackOwner>> {
    let briefcase = admin.briefcase()?;
    let server = enabled(&briefcase, &name)?;
    let found = briefcase.connections.listener(&server).await;
    found.map(Json).map_err(|error| {
        let text = format!("The listener of server `{name}` cannot be found out: {error}.");
        ApiError::new(StatusCode::BAD_GATEWAY, "upstream_error", text, "Start the server, then try again.")
    })
}

/// `POST /v1/servers/{id}/test`: probes a registered server.
pub async fn test(
    State(admin): State<Arc<AdminState>>,
    Extension(connection): Extension<ConnectionHandle>,
    Path(name): Path<ServerId>,
) -> ApiResult<Probe> {
    let briefcase = admin.briefcase()?;
    let server = enabled(&briefcase, &name)?;
    let result = probe_server(&briefcase, admin.parts.entropy.as_ref(), &name, &server, None).await?;
    Ok(Json(admin.probes.add(result, connection.process().unwrap_or_default(), ProbeOrigin::Anyone)))
}

fn enabled(briefcase: &Briefcase, name: &ServerId) -> Result<Server, ApiError> {
    let authority = briefcase.engine.authority();
    let server = authority.document().servers.get(name).cloned();
    let server = server.ok_or_else(|| ApiError::not_found(&format!("server `{name}`"), "briefcase server list"))?;
    if server.enabled {
        return Ok(server);
    }
    // A probe would start the server and send it its secrets, which a person stopped by disabling it.
    let text = format!("The server `{name}` is switched off.");
    let next = format!("Switch it on first: `briefcase server enable {name}`.");
    Err(ApiError::new(StatusCode::CONFLICT, "conflict", text, next))
}

/// Registers a server with the tools that a probe showed.
///
/// # Errors
/// `invalid`: the probe is gone or was of another server, or `reads` names a tool that the server does not offer.
pub fn add(
    admin: &AdminState,
    briefcase: &Briefcase,
    name: ServerId,
    spec: &ServerSpec,
    probe: Digest,
    reads: &[ToolName],
    reads_granted: bool,
) -> Result<Edit, ApiError> {
    let probed = admin.probes.find(probe)?;
    if probed.spec.as_ref() != Some(spec) {
        return Err(ApiError::invalid("The probe was of another server: probe this one first."));
    }
    let listed = briefcase.engine.tools(&name, &probed.listing);
    let mut server = Server::new(spec.clone().into());
    server.settings = ServerSettings { loopback_owner: probed.listener.clone(), ..spec.settings().clone() };
    let own = briefcase.engine.own_texts(&server.transport);
    server.reads_granted = ReadsGranted { resources: reads_granted, prompts: reads_granted };
    for tool in listed.iter().filter(|tool| !own.taints(tool.name().as_str()) && !own.taints(tool.own_name())) {
        let is_read = reads.contains(tool.name());
        if is_read && tool.is_unchecked() {
            return Err(always_asks(briefcase, &name, tool));
        }
        let class = if is_read { Class::Read } else { Class::Unknown };
        server.pins.insert(tool.name().clone(), Pin { class, ..Pin::new(tool.pin()) });
    }
    if let Some(missing) = reads.iter().find(|tool| !server.pins.contains_key(*tool)) {
        return Err(ApiError::invalid(format!("The server offers no tool `{missing}` that could be called a read.")));
    }
    let (records, added) = (tools::definitions(briefcase, &listed)?, name.clone());
    Ok(Edit::of(move |document| document.add_server(name, server)).with_records(records).reconnecting([added]))
}

fn always_asks(briefcase: &Briefcase, server: &ServerId, tool: &Tool) -> ApiError {
    let reason = tool.problems().first().map(ToString::to_string).unwrap_or_default();
    let reason = briefcase.engine.server_texts().text(&reason);
    ApiError::invalid(format!(
        "The arguments of `{}` of `{server}` cannot be checked, so each call asks: {reason}. Add the server without calling \
         this tool a read.",
        tool.name()
    ))
}

/// Removes a server.
pub fn remove(name: ServerId) -> Edit {
    let removed = name.clone();
    Edit::of(move |document| document.remove_server(&name)).reconnecting([removed])
}

/// Enables or disables a server.
pub fn enable(name: ServerId, enabled: bool) -> Edit {
    let changed = name.clone();
    Edit::of(move |document| document.set_server_enabled(&name, enabled)).reconnecting([changed])
}

/// Replaces the settings of a server.
pub fn set(name: ServerId, settings: ServerSettings) -> Edit {
    let changed = name.clone();
    Edit::of(move |document| document.set_server_settings(&name, settings)).reconnecting([changed])
}
