//! Approval requests and their decisions.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use briefcase_api::{Bound, Confidential, Decide, Decided, DecisionOnly};
use briefcase_types::{ApprovalId, ApprovalRequest, ApprovalScope, Decision};

use crate::{
    error::{ApiError, ApiResult, uninterrupted},
    evidence::evidence,
    state::AdminState,
};

/// `GET /v1/approvals`: the open requests.
pub async fn list(State(admin): State<Arc<AdminState>>) -> ApiResult<Vec<ApprovalRequest>> {
    let briefcase = admin.briefcase()?;
    let pending = briefcase.engine.approvals().pending(briefcase.engine.now());
    Ok(Json(pending.iter().map(|request| (**request).clone()).collect()))
}

/// `POST /v1/approvals/{id}/decision-digest`: the digest that the evidence for a decision is bound to.
pub async fn digest(
    State(admin): State<Arc<AdminState>>,
    Path(id): Path<ApprovalId>,
    Json(body): Json<DecisionOnly>,
) -> ApiResult<Bound> {
    let briefcase = admin.briefcase()?;
    let digest = briefcase.engine.decision_digest(id, &limited(body.decision)?)?;
    Ok(Json(Bound { digest }))
}

/// `POST /v1/approvals/{id}/decide`
pub async fn decide(
    State(admin): State<Arc<AdminState>>,
    Path(id): Path<ApprovalId>,
    Json(body): Json<Decide<Confidential>>,
) -> ApiResult<Decided> {
    let briefcase = admin.briefcase()?;
    let decision = limited(body.decision)?;
    let result = decision.result();
    let given = evidence(body.evidence)?;
    // A decision that is on record takes effect, whether or not the client is still connected.
    let deciding = async move { Ok(briefcase.engine.decide(id, body.shown, decision, given).await?) };
    let receipt = uninterrupted(deciding).await?;
    Ok(Json(Decided { decision: result, receipt }))
}

/// Checks the lifetime of a grant.
fn limited(decision: Decision) -> Result<Decision, ApiError> {
    let too_long = |scope: &ApprovalScope| {
        scope.lifetime().is_some_and(|lasts| lasts.as_secs() == 0 || lasts.as_secs() > 30 * 86_400)
    };
    match &decision {
        Decision::Allow(scope) if too_long(scope) => {
            Err(ApiError::invalid("A rule lasts at least a second and at most 30 days."))
        }
        _ => Ok(decision),
    }
}
