//! Grants: what a person allowed beyond one call.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::GrantView;
use briefcase_policy::authority::Grant;

use crate::{error::ApiResult, state::AdminState};

/// `GET /v1/grants`: those that have not expired.
pub async fn list(State(admin): State<Arc<AdminState>>) -> ApiResult<Vec<GrantView>> {
    let briefcase = admin.briefcase()?;
    let (authority, now) = (briefcase.engine.authority(), briefcase.engine.now());
    let unexpired = authority.document().grants.iter().filter(|grant| now < grant.expires);
    let view = |grant: &Grant| GrantView {
        id: grant.id.clone(),
        agent: grant.agent.clone(),
        server: grant.server.clone(),
        tool: grant.tool.clone(),
        fixed: serde_json::to_value(&grant.arguments).unwrap_or_default(),
        expires: grant.expires,
    };
    Ok(Json(unexpired.map(view).collect()))
}
