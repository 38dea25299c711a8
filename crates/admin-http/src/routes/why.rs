//! The reasons for a recorded decision.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use briefcase_api::{DecidingPolicy, ReceiptRow, Why};
use briefcase_receipts::{Kind, Words};
use briefcase_store::StoredReceipt;
use briefcase_types::{ApprovalId, ReceiptIndex};

use super::receipts;
use crate::{Briefcase, error::ApiResult, state::AdminState};

/// The distance, in receipts, within which the steps of an approval request are searched.
const APPROVAL_RANGE: u64 = 5_000;

/// `GET /v1/why/{receipt}`
pub async fn why(State(admin): State<Arc<AdminState>>, Path(id): Path<ReceiptIndex>) -> ApiResult<Why> {
    let briefcase = admin.briefcase()?;
    let reading = Arc::clone(&briefcase);
    let found = briefcase.reader().spawn(move |reader| {
        let stored = reader.receipt(id)?;
        let related = receipts::related(reader, &stored)?;
        Ok(explain(&reading, stored, related))
    });
    found.await.map(Json).map_err(|error| receipts::failure(&error))
}

fn explain(briefcase: &Briefcase, stored: StoredReceipt, related: Vec<StoredReceipt>) -> Why {
    let decided = std::iter::once(&stored).chain(&related).find_map(|stored| reasons(&stored.receipt.kind));
    let (summary, policies, approval) = match decided {
        Some((summary, policies, approval)) => (summary, policies, approval),
        None => ("This receipt records no decision of policy.".to_owned(), Words::default(), None),
    };
    let authority = briefcase.engine.authority();
    let source = |id: &str| authority.policy().policies().iter().find(|source| source.id == id);
    let shown = policies.iter().map(|word| match source(word.as_str()) {
        Some(source) => {
            DecidingPolicy { id: source.id.clone(), line: u64::try_from(source.line).ok(), text: source.text.clone() }
        }
        None => DecidingPolicy { id: word.as_str().to_owned(), line: None, text: "no longer in the policy".to_owned() },
    });
    let steps = approval.map(|approval| approval_steps(briefcase, approval, stored.index)).unwrap_or_default();
    Why { id: stored.index, summary, policies: shown.collect(), approvals: steps }
}

fn reasons(kind: &Kind) -> Option<(String, Words, Option<ApprovalId>)> {
    match kind {
        Kind::Intent(intent) => {
            let how = match intent.decision.as_str() {
                "allow" => "Policy allowed it without asking.",
                "approved" => "Policy required approval, and a person approved it.",
                "granted" => "Policy required approval; a saved approval covered it.",
                "session_grant" => "Policy required approval; it was approved for the session.",
                _ => "It continued a call that was allowed.",
            };
            Some((how.to_owned(), intent.policies.clone(), intent.approval))
        }
        Kind::Refusal(refused) => {
            let text = format!("It was refused: {} ({}).", refused.code, refused.reason);
            Some((text, refused.policies.clone(), refused.approval))
        }
        _ => None,
    }
}

/// The steps of an approval request, from the receipts up to the one that names it.
fn approval_steps(briefcase: &Briefcase, approval: ApprovalId, before: ReceiptIndex) -> Vec<ReceiptRow> {
    let from = before.0.saturating_sub(APPROVAL_RANGE);
    let Ok(range) = briefcase.reader().range(from..before.0.saturating_add(1)) else { return Vec::new() };
    let about =
        |stored: &&StoredReceipt| matches!(&stored.receipt.kind, Kind::Approval(step) if step.approval == approval);
    range.iter().filter(about).map(receipts::row).collect()
}
