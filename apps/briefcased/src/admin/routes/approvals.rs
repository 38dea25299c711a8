//! Open questions and decisions.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use briefcase_api::{Bound, Confidential, Decide, Decided, DecisionOnly};
use briefcase_types::{ApprovalId, ApprovalRequest, ApprovalScope, Decision};

use crate::admin::{
    answer::{Answer, Failure, uninterrupted},
    evidence::evidence,
    state::Admin,
};

/// `GET /v1/approvals`
pub async fn list(State(admin): State<Arc<Admin>>) -> Answer<Vec<ApprovalRequest>> {
    let open = admin.open()?;
    let pending = open.engine.approvals().pending(open.engine.now());
    Ok(Json(pending.iter().map(|request| (**request).clone()).collect()))
}

/// `POST /v1/approvals/{id}/decision-digest`
pub async fn digest(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<ApprovalId>,
    Json(body): Json<DecisionOnly>,
) -> Answer<Bound> {
    let open = admin.open()?;
    let digest = open.engine.decision_digest(id, &limited(body.decision)?)?;
    Ok(Json(Bound { digest }))
}

/// `POST /v1/approvals/{id}/decide`
pub async fn decide(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<ApprovalId>,
    Json(body): Json<Decide<Confidential>>,
) -> Answer<Decided> {
    let open = admin.open()?;
    let decision = limited(body.decision)?;
    let result = decision.result();
    let given = evidence(body.evidence)?;
    // A decision that is on record has to be taken, whether or not the client stays to hear of it.
    let deciding = async move { Ok(open.engine.decide(id, body.shown, decision, given).await?) };
    let receipt = uninterrupted(deciding).await?;
    Ok(Json(Decided { decision: result, receipt }))
}

/// Checks the lifetime of a rule.
fn limited(decision: Decision) -> Result<Decision, Failure> {
    let too_long = |scope: &ApprovalScope| {
        scope.lifetime().is_some_and(|lasts| lasts.as_secs() == 0 || lasts.as_secs() > 30 * 86_400)
    };
    match &decision {
        Decision::Allow(scope) if too_long(scope) => {
            Err(Failure::invalid("A rule lasts at least a second and at most 30 days."))
        }
        _ => Ok(decision),
    }
}
