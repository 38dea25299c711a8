//! What can be looked at.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use briefcase_api::{
    AgentView, BudgetView, Confidential, Evidence, FactorView, GrantView, Look, Probe, SecretView, ServerView, Status,
    ToolView,
};
use briefcase_policy::authority::{Limit, Server};
use briefcase_types::{Digest, Money, ServerId, UnixMillis};
use serde_json::Value;

use super::edits;
use crate::{
    admin::{
        answer::{Answer, Failure},
        evidence::evidence,
        probes,
        state::Admin,
    },
    open::Open,
};

/// `GET /v1/status`
pub async fn status(State(admin): State<Arc<Admin>>) -> Json<Status> {
    let life = &admin.life;
    let mut status = Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: "locked".to_owned(),
        problem: None,
        started: life.started,
        authority_version: 0,
        receipts: 0,
        approvals: 0,
        sessions: 0,
        servers: 0,
        console: Some(format!("http://localhost:{}", life.around.console_port)),
    };
    if let Some(open) = life.open() {
        let authority = open.engine.authority();
        "ready".clone_into(&mut status.state);
        status.authority_version = authority.version();
        status.receipts = open.reader.spawn(briefcase_store::Reader::size).await.unwrap_or_default();
        status.approvals = count(open.engine.approvals().pending(open.engine.now()).len());
        status.sessions = count(open.engine.sessions().len());
        status.servers = count(authority.document().servers.len());
        if let Some(problem) = open.store.failure() {
            "failed".clone_into(&mut status.state);
            let next = "Free disk space or repair the state folder, then restart `briefcased`.";
            status.problem = Some(briefcase_api::Problem::new("unavailable", problem.to_string(), next));
        }
    }
    Json(status)
}

/// `GET /v1/agents`
pub async fn agents(State(admin): State<Arc<Admin>>) -> Answer<Vec<AgentView>> {
    let open = admin.open()?;
    let (authority, sessions, now) = (open.engine.authority(), open.engine.sessions(), open.engine.now());
    let view = |(name, agent): (&briefcase_types::AgentId, &briefcase_policy::authority::Agent)| AgentView {
        name: name.clone(),
        created: agent.created,
        sessions: count(sessions.iter().filter(|session| session.agent == *name).count()),
        labels: open.engine.labels().labels(name, now).iter().map(|label| label.as_str().to_owned()).collect(),
    };
    Ok(Json(authority.document().agents.iter().map(view).collect()))
}

/// `GET /v1/servers`
pub async fn servers(State(admin): State<Arc<Admin>>) -> Answer<Vec<ServerView>> {
    let open = admin.open()?;
    let authority = open.engine.authority();
    let view = |(name, server): (&ServerId, &Server)| ServerView {
        name: name.clone(),
        spec: server.transport.clone().into(),
        enabled: server.enabled,
        tools: count(server.pins.len()),
        connections: count(open.pool.connections(name)),
        reads_granted: server.reads_granted.resources || server.reads_granted.prompts,
    };
    Ok(Json(authority.document().servers.iter().map(view).collect()))
}

/// `POST /v1/servers/probe`
pub async fn probe(State(admin): State<Arc<Admin>>, Json(look): Json<Look<Confidential>>) -> Answer<Probe> {
    let open = admin.open()?;
    let name = "probe".parse().map_err(|_| Failure::invalid("No name."))?;
    let (spec, given) = match look {
        Look::Proven { spec, evidence } => (spec, Some(evidence)),
        Look::Bare(spec) => (spec, None),
    };
    let server = edits::server(&spec);
    may_see_secrets(&open, &server, given).await?;
    let probed = probes::probe(&open, &name, &server, Some(spec)).await?;
    Ok(Json(admin.probes.keep(probed)))
}

/// A look shows the server the secrets it names. Only a person may send a secret where it does not go already: whoever can
/// reach the socket could otherwise send any of them to a program or a host of their own.
async fn may_see_secrets(open: &Open, server: &Server, given: Option<Evidence<Confidential>>) -> Result<(), Failure> {
    let authority = open.engine.authority();
    let in_use = |known: &Server| known.enabled && known.transport == server.transport;
    let registered = || authority.document().servers.values().any(in_use);
    if server.transport.secrets().next().is_none() || registered() {
        return Ok(());
    }
    let Some(given) = given else {
        let text = "This shows a secret to a server that is not registered.";
        let next = "Add the server with `briefcase server add`, which asks for the PIN first.";
        return Err(Failure::new(StatusCode::FORBIDDEN, "factor_required", text, next));
    };
    let transport = serde_json::to_value(&server.transport).map_err(|error| Failure::internal(&error))?;
    let digest = Digest::labelled("briefcase/look/1", &[&briefcase_json::canonical(&transport)]);
    open.engine.check(evidence(given)?, digest).await?;
    Ok(())
}

/// `POST /v1/servers/{id}/test`
pub async fn test(State(admin): State<Arc<Admin>>, Path(name): Path<ServerId>) -> Answer<Probe> {
    let open = admin.open()?;
    let server = registered(&open, &name)?;
    let probed = probes::probe(&open, &name, &server, None).await?;
    Ok(Json(admin.probes.keep(probed)))
}

fn registered(open: &Open, name: &ServerId) -> Result<Server, Failure> {
    let authority = open.engine.authority();
    let server = authority.document().servers.get(name).cloned();
    let server = server.ok_or_else(|| Failure::not_found(&format!("server `{name}`"), "briefcase server list"))?;
    if !server.enabled {
        // Looking would start it and show it its secrets, which takes the person who switched it off.
        let next = format!("Switch it on first: `briefcase server enable {name}`.");
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "conflict",
            format!("The server `{name}` is switched off."),
            next,
        ));
    }
    Ok(server)
}

/// `GET /v1/tools`: what was accepted, without asking the servers.
pub async fn tools(State(admin): State<Arc<Admin>>) -> Answer<Vec<ToolView>> {
    let open = admin.open()?;
    let work = Arc::clone(&open);
    let listed = open.reader.spawn(move |_| Ok(accepted(&work))).await;
    listed.map(Json).map_err(|error| Failure::internal(&error))
}

fn accepted(open: &Open) -> Vec<ToolView> {
    let authority = open.engine.authority();
    let mut views = Vec::new();
    for (name, server) in &authority.document().servers {
        for (tool, pin) in &server.pins {
            let raw = open.reader.definition(&pin.digest).ok().flatten().unwrap_or_default();
            let definition: Value = serde_json::from_slice(&raw).unwrap_or_default();
            let risk = briefcase_policy::decision::Risk::of(pin.class, &definition);
            views.push(ToolView {
                server: name.clone(),
                name: tool.to_string(),
                state: "accepted".to_owned(),
                class: pin.class.as_str().to_owned(),
                risk: risk.as_str().to_owned(),
                cost: pin.cost.map(|cost| cost.to_string()),
                summary: probes::summary(&definition),
                hints: probes::hints(&definition),
                flags: briefcase_policy::pin::poisoning_signals(&definition)
                    .iter()
                    .map(|flag| format!("{flag:?}"))
                    .collect(),
                differences: Vec::new(),
            });
        }
    }
    views
}

/// `GET /v1/grants`
pub async fn grants(State(admin): State<Arc<Admin>>) -> Answer<Vec<GrantView>> {
    let open = admin.open()?;
    let now = open.engine.now();
    let authority = open.engine.authority();
    let live = authority.document().grants.iter().filter(|grant| now < grant.expires);
    let view = |grant: &briefcase_policy::authority::Grant| GrantView {
        id: grant.id.clone(),
        agent: grant.agent.clone(),
        server: grant.server.clone(),
        tool: grant.tool.clone(),
        fixed: serde_json::to_value(&grant.arguments).unwrap_or_default(),
        expires: grant.expires,
    };
    Ok(Json(live.map(view).collect()))
}

/// `GET /v1/budgets`
pub async fn budgets(State(admin): State<Arc<Admin>>) -> Answer<Vec<BudgetView>> {
    let open = admin.open()?;
    let (authority, now) = (open.engine.authority(), open.engine.now());
    let usage = open.engine.with_ledger(|ledger| ledger.usage(authority.budgets(), now));
    let view = |of_budget: briefcase_policy::ledger::BudgetUsage| {
        let used = of_budget.spent.saturating_add(of_budget.reserved);
        let (used_text, limit) = match of_budget.budget.limit {
            Limit::Calls(limit) => (format!("{used} calls"), limit),
            Limit::Money(limit) => (Money { micros: used, ..limit }.to_string(), limit.micros),
        };
        let permille = u128::from(used).saturating_mul(1000).checked_div(u128::from(limit)).unwrap_or(1000);
        BudgetView {
            scope: of_budget.budget.scope.to_string(),
            window: of_budget.budget.window.as_str().to_owned(),
            limit: of_budget.budget.limit.to_string(),
            used: used_text,
            permille: permille.try_into().unwrap_or(u64::MAX),
        }
    };
    Ok(Json(usage.into_iter().map(view).collect()))
}

/// `GET /v1/secrets`
pub async fn secrets(State(admin): State<Arc<Admin>>) -> Answer<Vec<SecretView>> {
    let open = admin.open()?;
    let authority = open.engine.authority();
    let document = authority.document();
    let used_by = |name: &briefcase_types::SecretName| {
        let uses = |(_, server): &(&ServerId, &Server)| server.transport.secrets().any(|used| used == name);
        document.servers.iter().filter(uses).map(|(server, _)| server.clone()).collect()
    };
    let entries = document.secrets.iter();
    let view =
        entries.map(|(name, entry)| SecretView { name: name.clone(), version: entry.version, used_by: used_by(name) });
    Ok(Json(view.collect()))
}

/// `GET /v1/factors`
pub async fn factors(State(admin): State<Arc<Admin>>) -> Answer<Vec<FactorView>> {
    let open = admin.open()?;
    let authority = open.engine.authority();
    let view = |factor: &briefcase_policy::authority::Factor| FactorView {
        id: factor.id.clone(),
        kind: factor.kind.clone(),
        label: factor.data.get("label").and_then(Value::as_str).unwrap_or_default().to_owned(),
        created: UnixMillis(factor.data.get("enrolled_at").and_then(Value::as_u64).unwrap_or_default()),
    };
    Ok(Json(authority.document().factors.iter().map(view).collect()))
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
