//! The deciding side of an approval: verify the factor, record the decision, grant what it allows.
//!
//! Invariant: a decision takes effect only after its receipt is durable.

use std::time::Duration;

use briefcase_policy::authority::{FieldRule, Grant, GrantArguments};
use briefcase_ports::{Entry, FactorEvidence, Urgency};
use briefcase_receipts::{self as receipts, Kind, Receipt, Step};
use briefcase_types::{ApprovalId, ApprovalRequest, ApprovalScope, Decision, Digest, FactorKind, ReceiptIndex};
use serde_json::Value;

use crate::{
    Engine,
    approvals::{self, DecisionError},
    change::{ChangeError, Prepared, receipt_factor},
    session::SessionGrant,
};

impl Engine {
    /// The digest that evidence for a decision is bound to.
    ///
    /// # Errors
    /// [`DecisionError::NotFound`] when no pending request has this id.
    pub fn decision_digest(&self, id: ApprovalId, decision: &Decision) -> Result<Digest, DecisionError> {
        let request = self.approvals.find(id, self.now()).ok_or(DecisionError::NotFound)?;
        Ok(approvals::decision_digest(&request, decision))
    }

    /// Decides an approval request. `shown` is the digest of the request that the person saw.
    ///
    /// # Errors
    /// See [`ChangeError`]. The request is still pending then.
    pub async fn decide(
        &self,
        id: ApprovalId,
        shown: Digest,
        decision: Decision,
        evidence: FactorEvidence,
    ) -> Result<ReceiptIndex, ChangeError> {
        let bound_to = self.decision_digest(id, &decision)?;
        let factor = self.factors.check(evidence, bound_to).await?;
        let scope = if let Decision::Allow(scope) = &decision { Some(scope) } else { None };
        let request = self.approvals.begin_decision(id, shown, scope, self.now())?;
        let recorded = self.record_decision(&request, &decision, factor).await;
        let durable = recorded.is_ok().then_some(&decision);
        self.approvals.finish_decision(id, durable, self.now());
        recorded
    }

    async fn record_decision(
        &self,
        request: &ApprovalRequest,
        decision: &Decision,
        factor: FactorKind,
    ) -> Result<ReceiptIndex, ChangeError> {
        let step = receipts::Approval {
            approval: request.id,
            digest: request.digest,
            step: if matches!(decision, Decision::Deny) { Step::Denied } else { Step::Approved },
            call: None,
            agent: Some(request.agent.clone()),
            factor: Some(receipt_factor(factor)),
            scope: receipt_scope(decision),
        };
        let receipt = Receipt { at: self.now(), kind: Kind::Approval(step) };
        if let Decision::Allow(ApprovalScope::Rule { fixed, seconds }) = decision {
            let rule = self.rule(request, fixed, *seconds)?;
            let change = self.commit_decided(Some(receipt), rule, factor).await?;
            return Ok(ReceiptIndex(change.0.saturating_sub(1)));
        }
        let index = self.record(Entry { receipt, opening: None }, Urgency::Now).await?;
        match decision {
            Decision::Allow(ApprovalScope::SessionExact) => self.grant_session(request, true),
            Decision::Allow(ApprovalScope::SessionTool) => self.grant_session(request, false),
            Decision::Allow(ApprovalScope::Once | ApprovalScope::Rule { .. }) | Decision::Deny => {}
        }
        Ok(index)
    }

    fn grant_session(&self, request: &ApprovalRequest, exact: bool) {
        let Some(session) = self.session(request.session) else { return };
        session.grant(SessionGrant {
            server: request.server.clone(),
            subject: approvals::subject(&request.server, &request.operation, &request.name),
            pin: request.pin,
            arguments: exact.then(|| approvals::exact(request.arguments.as_bytes(), request.beside.as_deref())),
        });
    }

    fn rule(&self, request: &ApprovalRequest, fixed: &[String], seconds: u64) -> Result<Prepared, ChangeError> {
        let arguments: Value = serde_json::from_str(&request.arguments).unwrap_or_default();
        let now = self.now();
        let tool = request.name.parse().map_err(|_| DecisionError::ScopeNotOffered)?;
        let grant = Grant {
            id: request.id.to_string(),
            agent: request.agent.clone(),
            server: request.server.clone(),
            tool,
            pin: request.pin,
            arguments: rule_arguments(&arguments, fixed, request.beside.as_deref())?,
            created: now,
            expires: now.plus(Duration::from_secs(seconds)),
            created_by: request.id,
        };
        self.prepare(request.digest.as_bytes(), |document| document.add_grant(grant), Vec::new())
    }
}

/// The rule for the arguments: named ones stay as they are, the others may differ. With all of them named, the arguments are exact.
/// Members beside the arguments are fixed together with all of them.
fn rule_arguments(arguments: &Value, fixed: &[String], beside: Option<&str>) -> Result<GrantArguments, DecisionError> {
    let given = arguments.as_object().cloned().unwrap_or_default();
    if given.keys().all(|name| fixed.contains(name)) {
        return Ok(GrantArguments::exact_beside(arguments, beside));
    }
    if beside.is_some() {
        return Err(DecisionError::ScopeNotOffered);
    }
    let rule =
        |name: &String, value: Value| if fixed.contains(name) { FieldRule::Equals(value) } else { FieldRule::Any };
    Ok(GrantArguments::Fields(
        given
            .into_iter()
            .map(|(name, value)| {
                let rule = rule(&name, value);
                (name, rule)
            })
            .collect(),
    ))
}

const fn receipt_scope(decision: &Decision) -> Option<receipts::RecordedScope> {
    match decision {
        Decision::Deny => None,
        Decision::Allow(ApprovalScope::Once) => Some(receipts::RecordedScope::Once),
        Decision::Allow(ApprovalScope::SessionExact | ApprovalScope::SessionTool) => {
            Some(receipts::RecordedScope::Session)
        }
        Decision::Allow(ApprovalScope::Rule { .. }) => Some(receipts::RecordedScope::Rule),
    }
}
