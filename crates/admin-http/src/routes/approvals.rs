//! Approval requests and their decisions.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use briefcase_api::{Bound, Confidential, Decide, Decided, DecisionOnly, Question};
use briefcase_engine::approvals::{ApprovalRequest, Decision, Scope};
use briefcase_types::ApprovalId;
use serde_json::Value;

use crate::{
    error::{ApiError, ApiResult, uninterrupted},
    evidence::evidence,
    state::AdminState,
};

/// `GET /v1/approvals`: the open requests.
pub async fn list(State(admin): State<Arc<AdminState>>) -> ApiResult<Vec<Question>> {
    let briefcase = admin.briefcase()?;
    let pending = briefcase.engine.approvals().pending(briefcase.engine.now());
    Ok(Json(pending.iter().map(|request| view(request)).collect()))
}

/// `POST /v1/approvals/{id}/decision-digest`: the digest that the evidence for a decision is bound to.
pub async fn digest(
    State(admin): State<Arc<AdminState>>,
    Path(id): Path<ApprovalId>,
    Json(body): Json<DecisionOnly>,
) -> ApiResult<Bound> {
    let briefcase = admin.briefcase()?;
    let digest = briefcase.engine.decision_digest(id, &decision(body.decision)?)?;
    Ok(Json(Bound { digest }))
}

/// `POST /v1/approvals/{id}/decide`
pub async fn decide(
    State(admin): State<Arc<AdminState>>,
    Path(id): Path<ApprovalId>,
    Json(body): Json<Decide<Confidential>>,
) -> ApiResult<Decided> {
    let briefcase = admin.briefcase()?;
    let decision = decision(body.decision)?;
    let word = decision.word().to_owned();
    let given = evidence(body.evidence)?;
    // A decision that is on record takes effect, whether or not the client is still connected.
    let deciding = async move { Ok(briefcase.engine.decide(id, body.shown, decision, given).await?) };
    let receipt = uninterrupted(deciding).await?;
    Ok(Json(Decided { decision: word, receipt }))
}

fn decision(value: Value) -> Result<Decision, ApiError> {
    let decision: Decision = serde_json::from_value(value)
        .map_err(|error| ApiError::invalid(format!("This is not a decision: {error}.")))?;
    let too_long =
        |scope: &Scope| scope.lifetime().is_some_and(|lasts| lasts.as_secs() == 0 || lasts.as_secs() > 30 * 86_400);
    match &decision {
        Decision::Allow(scope) if too_long(scope) => {
            Err(ApiError::invalid("A rule lasts at least a second and at most 30 days."))
        }
        _ => Ok(decision),
    }
}

fn view(request: &ApprovalRequest) -> Question {
    Question {
        id: request.id,
        agent: request.agent.clone(),
        session: request.session,
        server: request.server.clone(),
        operation: request.operation.clone(),
        name: request.name.clone(),
        pin: request.pin,
        arguments: request.arguments.clone(),
        cost: request.cost.map(|money| money.to_string()),
        class: request.class.clone(),
        risk: request.risk.clone(),
        labels: request.labels.clone(),
        policies: request.policies.clone(),
        authority_version: request.authority_version,
        once_only: request.once_only,
        asked: request.asked,
        expires: request.expires,
        digest: request.digest,
    }
}
