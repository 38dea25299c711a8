//! The policy: its text, a check of another, the person's own cases, and why a call went as it went.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use briefcase_api::{
    DecidingPolicy, PolicyCase, PolicyCaseResult, PolicyReport, PolicyTest, PolicyTestReport, PolicyText, ReceiptRow,
    Why,
};
use briefcase_engine::active_authority::{ActiveAuthority, ActiveAuthorityError};
use briefcase_policy::decision::{Action, Facts, PolicyError, PolicySet};
use briefcase_receipts::{Kind, Words};
use briefcase_store::StoredReceipt;
use briefcase_types::{ApprovalId, ReceiptIndex};
use serde_json::{Value, json};

use super::receipts::row;
use crate::{
    admin::{
        answer::{Answer, Failure},
        state::Admin,
    },
    open::Open,
};

/// Receipts that a new text is tried on.
const REPLAYED: u64 = 2_000;
/// Differences that are told.
const TOLD: usize = 50;

/// `GET /v1/policy`
pub async fn text(State(admin): State<Arc<Admin>>) -> Answer<PolicyText> {
    let open = admin.open()?;
    let authority = open.engine.authority();
    let schema = Some(authority.policy().schema_text().to_owned());
    Ok(Json(PolicyText { text: authority.document().policy.clone(), schema }))
}

/// `POST /v1/policy/check`
pub async fn check(State(admin): State<Arc<Admin>>, Json(body): Json<PolicyText>) -> Answer<PolicyReport> {
    let open = admin.open()?;
    let report = match open.engine.try_policy(body.text).await {
        Err(problems) => {
            PolicyReport { ok: false, problems: told(&problems)?, policies: Vec::new(), replay: Vec::new() }
        }
        Ok(tried) => {
            let work = Arc::clone(&open);
            let replayed = open.reader.spawn(move |reader| {
                let recent = reader.tail(REPLAYED)?;
                let policies = tried.policy().policies().iter().map(|source| source.id.clone()).collect();
                Ok((policies, replay(&work, &tried, recent)))
            });
            let (policies, replay) = replayed.await.map_err(|error| Failure::internal(&error))?;
            PolicyReport { ok: true, problems: Vec::new(), policies, replay }
        }
    };
    Ok(Json(report))
}

fn told(error: &ActiveAuthorityError) -> Result<Vec<String>, Failure> {
    match error {
        ActiveAuthorityError::Policy(PolicyError::Problems(problems)) => {
            Ok(problems.iter().map(ToString::to_string).collect())
        }
        other => Ok(vec![other.to_string()]),
    }
}

/// What the text would have decided otherwise, for calls whose arguments were kept.
fn replay(open: &Open, tried: &ActiveAuthority, recent: Vec<StoredReceipt>) -> Vec<String> {
    let now = open.engine.authority();
    let mut told = Vec::new();
    for stored in recent {
        let Kind::Intent(intent) = &stored.receipt.kind else { continue };
        let Some(tool) = intent.name.as_ref().and_then(|name| name.as_str().parse().ok()) else { continue };
        let arguments = opened(open, stored.index).unwrap_or_else(|| json!({}));
        let facts = Facts {
            agent: &intent.agent,
            server: &intent.server,
            action: Action::Call { tool: &tool, arguments: &arguments },
            labels: briefcase_policy::label::Labels::NONE,
            now: stored.receipt.at,
        };
        let (before, after) = (now.policy().decide(&facts), tried.policy().decide(&facts));
        if before.as_str() != after.as_str() && told.len() < TOLD {
            let what = format!("{}: {} {}/{}", stored.index, intent.agent, intent.server, tool);
            told.push(format!("{what} would be {} instead of {}", after.as_str(), before.as_str()));
        }
    }
    told
}

fn opened(open: &Open, index: ReceiptIndex) -> Option<Value> {
    open.reader.opening(index).ok().and_then(|opening| opening.expose(|raw| serde_json::from_slice(raw).ok()))
}

/// `POST /v1/policy/test`
pub async fn test(State(admin): State<Arc<Admin>>, Json(body): Json<PolicyTest>) -> Answer<PolicyTestReport> {
    let open = admin.open()?;
    let authority = match body.text {
        None => open.engine.authority(),
        Some(text) => {
            Arc::new(open.engine.try_policy(text).await.map_err(|error| Failure::invalid(format!("{error}.")))?)
        }
    };
    let now = open.engine.now();
    let results: Result<Vec<_>, Failure> = body.cases.iter().map(|case| run(authority.policy(), case, now)).collect();
    let results = results?;
    let failed = results.iter().filter(|result| result.got != result.expect).count();
    Ok(Json(PolicyTestReport { results, failed: u64::try_from(failed).unwrap_or(u64::MAX) }))
}

fn run(policy: &PolicySet, case: &PolicyCase, now: briefcase_types::UnixMillis) -> Result<PolicyCaseResult, Failure> {
    if !["allow", "ask", "deny"].contains(&case.expect.as_str()) {
        return Err(Failure::invalid(format!("The case `{}` expects neither allow, ask nor deny.", case.name)));
    }
    let labels =
        case.labels.iter().map(|word| word.parse()).collect::<Result<_, briefcase_policy::label::LabelError>>();
    let arguments = if case.arguments.is_null() { json!({}) } else { case.arguments.clone() };
    let facts = Facts {
        agent: &case.agent,
        server: &case.server,
        action: Action::Call { tool: &case.tool, arguments: &arguments },
        labels: labels.map_err(|error| Failure::invalid(format!("{error}.")))?,
        now,
    };
    let verdict = policy.decide(&facts);
    Ok(PolicyCaseResult {
        name: case.name.clone(),
        expect: case.expect.clone(),
        got: verdict.as_str().to_owned(),
        policies: verdict.policies().to_vec(),
    })
}

/// `GET /v1/why/{receipt}`
pub async fn why(State(admin): State<Arc<Admin>>, Path(id): Path<ReceiptIndex>) -> Answer<Why> {
    let open = admin.open()?;
    let work = Arc::clone(&open);
    let found = open.reader.spawn(move |reader| {
        let stored = reader.receipt(id)?;
        let related = super::receipts::related(reader, &stored)?;
        Ok(explain(&work, stored, related))
    });
    found.await.map(Json).map_err(|error| super::receipts::failure(&error))
}

fn explain(open: &Open, stored: StoredReceipt, related: Vec<StoredReceipt>) -> Why {
    let decided = std::iter::once(&stored).chain(&related).find_map(|stored| reasons(&stored.receipt.kind));
    let (summary, policies, approval) = match decided {
        Some((summary, policies, approval)) => (summary, policies, approval),
        None => ("This receipt records no decision of policy.".to_owned(), Words::default(), None),
    };
    let authority = open.engine.authority();
    let source = |id: &str| authority.policy().policies().iter().find(|source| source.id == id);
    let told = policies.iter().map(|word| match source(word.as_str()) {
        Some(source) => {
            DecidingPolicy { id: source.id.clone(), line: u64::try_from(source.line).ok(), text: source.text.clone() }
        }
        None => DecidingPolicy { id: word.as_str().to_owned(), line: None, text: "no longer in the policy".to_owned() },
    });
    let steps = approval.map(|approval| approval_steps(open, approval, stored.index)).unwrap_or_default();
    Why { id: stored.index, summary, policies: told.collect(), approvals: steps }
}

fn reasons(kind: &Kind) -> Option<(String, Words, Option<ApprovalId>)> {
    match kind {
        Kind::Intent(intent) => {
            let how = match intent.decision.as_str() {
                "allow" => "Policy allowed it without asking.",
                "approved" => "Policy wanted a person asked, and a person allowed it.",
                "granted" => "Policy wanted a person asked; a standing rule covered it.",
                "session_grant" => "Policy wanted a person asked; it was allowed for the session.",
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

/// The steps of a question, from the receipts before the one that names it.
fn approval_steps(open: &Open, approval: ApprovalId, before: ReceiptIndex) -> Vec<ReceiptRow> {
    let from = before.0.saturating_sub(5_000);
    let Ok(range) = open.reader.range(from..before.0.saturating_add(1)) else { return Vec::new() };
    let about =
        |stored: &&StoredReceipt| matches!(&stored.receipt.kind, Kind::Approval(step) if step.approval == approval);
    range.iter().filter(about).map(row).collect()
}
