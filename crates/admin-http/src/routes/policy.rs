//! The policy: its text, a check of a new text, and tests of a person's own cases.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::{PolicyCase, PolicyCaseResult, PolicyReport, PolicyTest, PolicyTestReport, PolicyText};
use briefcase_engine::active_authority::{ActiveAuthority, ActiveAuthorityError};
use briefcase_policy::{
    decision::{Action, Facts, PolicyError, PolicySet},
    label::{LabelError, Labels},
};
use briefcase_receipts::Kind;
use briefcase_store::StoredReceipt;
use briefcase_types::{ReceiptIndex, UnixMillis};
use serde_json::{Value, json};

use crate::{
    Briefcase,
    error::{ApiError, ApiResult},
    state::AdminState,
};

/// The newest receipts, on which a new text is tried.
const MAX_REPLAYED: u64 = 2_000;
/// The most differences in a report.
const MAX_DIFFERENCES: usize = 50;

/// `GET /v1/policy`: the text and the schema in force.
pub async fn text(State(admin): State<Arc<AdminState>>) -> ApiResult<PolicyText> {
    let briefcase = admin.briefcase()?;
    let authority = briefcase.engine.authority();
    let schema = Some(authority.policy().schema_text().to_owned());
    Ok(Json(PolicyText { text: authority.document().policy.clone(), schema }))
}

/// `POST /v1/policy/check`: compiles a text and tries it on recorded calls.
pub async fn check(State(admin): State<Arc<AdminState>>, Json(body): Json<PolicyText>) -> ApiResult<PolicyReport> {
    let briefcase = admin.briefcase()?;
    let report = match briefcase.engine.try_policy(body.text).await {
        Err(error) => {
            PolicyReport { ok: false, problems: problems_of(&error), policies: Vec::new(), replay: Vec::new() }
        }
        Ok(tried) => {
            let reading = Arc::clone(&briefcase);
            let replayed = briefcase.reader().spawn(move |reader| {
                let recent = reader.tail(MAX_REPLAYED)?;
                let policies = tried.policy().policies().iter().map(|source| source.id.clone()).collect();
                Ok((policies, replay(&reading, &tried, recent)))
            });
            let (policies, replay) = replayed.await.map_err(|error| ApiError::internal(&error))?;
            PolicyReport { ok: true, problems: Vec::new(), policies, replay }
        }
    };
    Ok(Json(report))
}

fn problems_of(error: &ActiveAuthorityError) -> Vec<String> {
    match error {
        ActiveAuthorityError::Policy(PolicyError::Problems(problems)) => {
            problems.iter().map(ToString::to_string).collect()
        }
        other => vec![other.to_string()],
    }
}

/// The recorded calls that the new text decides differently, one line each.
fn replay(briefcase: &Briefcase, tried: &ActiveAuthority, recent: Vec<StoredReceipt>) -> Vec<String> {
    let now = briefcase.engine.authority();
    let mut differences = Vec::new();
    for stored in recent {
        let Kind::Intent(intent) = &stored.receipt.kind else { continue };
        let Some(tool) = intent.name.as_ref().and_then(|name| name.as_str().parse().ok()) else { continue };
        let arguments = opening(briefcase, stored.index).unwrap_or_else(|| json!({}));
        let facts = Facts {
            agent: &intent.agent,
            server: &intent.server,
            action: Action::Call { tool: &tool, arguments: &arguments },
            labels: Labels::NONE,
            now: stored.receipt.at,
        };
        let (before, after) = (now.policy().decide(&facts), tried.policy().decide(&facts));
        if before.as_str() != after.as_str() && differences.len() < MAX_DIFFERENCES {
            let what = format!("{}: {} {}/{}", stored.index, intent.agent, intent.server, tool);
            differences.push(format!("{what} would be {} instead of {}", after.as_str(), before.as_str()));
        }
    }
    differences
}

fn opening(briefcase: &Briefcase, index: ReceiptIndex) -> Option<Value> {
    briefcase.reader().opening(index).ok().and_then(|opening| opening.expose(|raw| serde_json::from_slice(raw).ok()))
}

/// `POST /v1/policy/test`: decides cases with a text, or with the policy in force.
pub async fn test(State(admin): State<Arc<AdminState>>, Json(body): Json<PolicyTest>) -> ApiResult<PolicyTestReport> {
    let briefcase = admin.briefcase()?;
    let authority = match body.text {
        None => briefcase.engine.authority(),
        Some(text) => {
            Arc::new(briefcase.engine.try_policy(text).await.map_err(|error| ApiError::invalid(format!("{error}.")))?)
        }
    };
    let now = briefcase.engine.now();
    let results: Result<Vec<_>, ApiError> = body.cases.iter().map(|case| run(authority.policy(), case, now)).collect();
    let results = results?;
    let failed = results.iter().filter(|result| result.got != result.expect).count();
    Ok(Json(PolicyTestReport { results, failed: u64::try_from(failed).unwrap_or(u64::MAX) }))
}

fn run(policy: &PolicySet, case: &PolicyCase, now: UnixMillis) -> Result<PolicyCaseResult, ApiError> {
    if !["allow", "ask", "deny"].contains(&case.expect.as_str()) {
        return Err(ApiError::invalid(format!("The case `{}` expects neither allow, ask nor deny.", case.name)));
    }
    let labels = case.labels.iter().map(|word| word.parse()).collect::<Result<_, LabelError>>();
    let arguments = if case.arguments.is_null() { json!({}) } else { case.arguments.clone() };
    let facts = Facts {
        agent: &case.agent,
        server: &case.server,
        action: Action::Call { tool: &case.tool, arguments: &arguments },
        labels: labels.map_err(|error| ApiError::invalid(format!("{error}.")))?,
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
