//! Agents.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::AgentView;
use briefcase_engine::agent_token;
use briefcase_policy::authority::{Agent, Authority, AuthorityChange, AuthorityError};
use briefcase_types::{AgentId, Digest, Entropy, UnixMillis};

use super::count;
use crate::{
    edit::{Edit, SideEffects},
    error::ApiResult,
    state::AdminState,
};

/// `GET /v1/agents`
pub async fn list(State(admin): State<Arc<AdminState>>) -> ApiResult<Vec<AgentView>> {
    let briefcase = admin.briefcase()?;
    let engine = &briefcase.engine;
    let (authority, sessions) = (engine.authority(), engine.sessions());
    let view = |(name, agent): (&AgentId, &Agent)| AgentView {
        name: name.clone(),
        created: agent.created,
        sessions: count(sessions.iter().filter(|session| session.agent == *name).count()),
        labels: engine.labels_of(name).iter().map(|label| label.as_str().to_owned()).collect(),
    };
    Ok(Json(authority.document().agents.iter().map(view).collect()))
}

/// Registers an agent with a new token.
pub fn add(name: AgentId, entropy: &dyn Entropy, now: UnixMillis) -> Edit {
    let token = agent_token::generate(entropy);
    let digest = agent_token::digest(&token);
    Edit { token: Some(token), ..Edit::of(move |document| add_or_renew(document, name, digest, now)) }
}

/// Adds a new agent, or renews the token of one whose token a restore made void.
fn add_or_renew(
    document: &Authority,
    name: AgentId,
    token: Digest,
    now: UnixMillis,
) -> Result<AuthorityChange, AuthorityError> {
    if !document.agents.get(&name).is_some_and(|agent| agent.disabled) {
        return document.add_agent(name, token, now);
    }
    let mut renewed = document.set_agent_disabled(&name, false)?;
    if let Some(agent) = renewed.document.agents.get_mut(&name) {
        agent.token = token;
        agent.created = now;
    }
    renewed.document.check()?;
    Ok(renewed)
}

/// Removes an agent and disconnects it.
pub fn remove(name: AgentId) -> Edit {
    let effects = SideEffects { disconnect: Some(name.clone()), ..SideEffects::default() };
    Edit { effects, ..Edit::of(move |document| document.remove_agent(&name)) }
}
