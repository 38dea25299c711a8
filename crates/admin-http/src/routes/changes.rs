//! Changes of the authority document: preview, evidence, apply.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::{Applied, Apply, Change, Confidential, ConfidentialDigest, Preview};
use briefcase_engine::change::{ChangeError, Checked, Prepared};
use briefcase_policy::authority::{Authority, AuthorityChange, AuthorityError, BudgetScope};
use briefcase_ports::Record;
use briefcase_types::{Digest, SecretString};

use super::{agents, budgets, clock, factors, secrets, servers, tools};
use crate::{
    Briefcase, PASSPHRASE_SET,
    edit::{Edit, MakeDocument},
    error::{ApiError, ApiResult, uninterrupted},
    evidence::evidence,
    state::AdminState,
};

/// `POST /v1/changes/preview`. The change names a secret by its digest.
pub async fn preview(
    State(admin): State<Arc<AdminState>>,
    Json(change): Json<Change<ConfidentialDigest>>,
) -> ApiResult<Preview> {
    let briefcase = admin.briefcase()?;
    let change = complete(&admin, &briefcase, change)?;
    let request = canonical(&change)?;
    let prepared = match (factors::enrolment_line(&change), change) {
        (Some(line), _) => prepare_unchanged(&briefcase, &request, line)?,
        (None, Change::SetSecret { name, value }) => {
            prepare(&briefcase, &request, secrets::preview(name, value), Vec::new())?
        }
        (None, change) => {
            let Edit { make, records, .. } = edit(&admin, &briefcase, change)?;
            prepare(&briefcase, &request, make, records)?
        }
    };
    Ok(Json(Preview {
        digest: prepared.digest(),
        lines: prepared.summary().to_vec(),
        from_version: prepared.from_version(),
    }))
}

/// `POST /v1/changes`
pub async fn apply(State(admin): State<Arc<AdminState>>, Json(body): Json<Apply<Confidential>>) -> ApiResult<Applied> {
    // A change that is on record takes effect, whether or not the client is still connected.
    uninterrupted(apply_checked(admin, body)).await
}

async fn apply_checked(admin: Arc<AdminState>, body: Apply<Confidential>) -> ApiResult<Applied> {
    let Apply { change, digest, evidence: given } = body;
    let briefcase = admin.briefcase()?;
    let change = complete(&admin, &briefcase, change)?;
    let request = canonical(&change)?;
    let given = evidence(given)?;
    if let Some(line) = factors::enrolment_line(&change) {
        require_shown(&prepare_unchanged(&briefcase, &request, line)?, digest)?;
        let enrolment = briefcase.factors.enrolment(digest).await;
        let checked = briefcase.engine.check(given, digest).await?;
        let permit = enrolment.permit().ok_or_else(|| ApiError::invalid("The proof of presence was not kept."))?;
        let edit = factors::enrol(&admin, &briefcase, change, permit).await?;
        return finish(&admin, &briefcase, &request, edit, checked).await;
    }
    if let Change::SetPassphrase { passphrase } = change {
        require_shown(&prepare_unchanged(&briefcase, &request, PASSPHRASE_SET)?, digest)?;
        let checked = briefcase.engine.check(given, digest).await?;
        return set_passphrase(&admin, &briefcase, &request, passphrase.into_secret(), checked).await;
    }
    if let Change::SetSecret { name, value } = change {
        secrets::check(&value)?;
        require_shown(&prepare_unchanged(&briefcase, &request, "")?, digest)?;
        let checked = briefcase.engine.check(given, digest).await?;
        let edit = secrets::seal(&briefcase, name, &value, &checked)?;
        return finish(&admin, &briefcase, &request, edit, checked).await;
    }
    let edit = edit(&admin, &briefcase, change)?;
    require_shown(&prepare_unchanged(&briefcase, &request, "")?, digest)?;
    let checked = briefcase.engine.check(given, digest).await?;
    finish(&admin, &briefcase, &request, edit, checked).await
}

/// The edit of a change that enrols no factor and stores no secret.
fn edit<S>(admin: &AdminState, briefcase: &Briefcase, change: Change<S>) -> Result<Edit, ApiError> {
    Ok(match change {
        Change::AddAgent { name } => agents::add(name, admin.parts.entropy.as_ref(), briefcase.engine.now()),
        Change::RemoveAgent { name } => agents::remove(name),
        Change::AddServer { name, spec, probe, reads, reads_granted } => {
            servers::add(admin, briefcase, name, &spec, probe, &reads, reads_granted)?
        }
        Change::RemoveServer { name } => servers::remove(name),
        Change::EnableServer { name, enabled } => servers::enable(name, enabled),
        Change::SetServer { name, settings } => servers::set(name, settings),
        Change::SetSettings { settings } => Edit::of(move |document| document.set_settings(settings)),
        Change::AcceptTools { server, probe, tools, changing } => {
            tools::accept(admin, briefcase, server, probe, &tools, changing)?
        }
        Change::SetTool { server, tool, class, cost, labels } => {
            tools::set(briefcase, server, tool, class, cost, labels)?
        }
        Change::SetPolicy { text } => Edit::of(move |document| document.set_policy(text)),
        Change::SetBudget { agent, server, tool, window, limit } => {
            budgets::set(BudgetScope { agent, server, tool }, &window, limit)?
        }
        Change::RemoveSecret { name } => secrets::remove(name),
        Change::RevokeGrant { id } => Edit::of(move |document| document.remove_grant(&id)),
        Change::RemoveFactor { id } => Edit::of(move |document| document.remove_factor(&id)),
        Change::AcceptClock { time } => clock::accept(admin, time)?,
        Change::SetPassphrase { .. } => Edit::of(|document| document.noted(vec![PASSPHRASE_SET.to_owned()])),
        Change::AddPasskey { .. } | Change::SetPin { .. } | Change::SetSecret { .. } => {
            return Err(ApiError::invalid("This change needs the proof of presence first."));
        }
    })
}

async fn finish(
    admin: &AdminState,
    briefcase: &Briefcase,
    request: &[u8],
    edit: Edit,
    checked: Checked,
) -> ApiResult<Applied> {
    let Edit { make, records, token, effects } = edit;
    let prepared = prepare(briefcase, request, make, records)?;
    let receipt = briefcase.engine.apply_checked(prepared, checked).await?;
    effects.perform(admin, briefcase);
    if effects.clock_accepted {
        clock::follow(admin, briefcase).await?;
    }
    Ok(Json(Applied { version: briefcase.engine.authority().version(), receipt, token }))
}

fn prepare(
    briefcase: &Briefcase,
    request: &[u8],
    make: MakeDocument,
    records: Vec<Record>,
) -> Result<Prepared, ApiError> {
    Ok(briefcase.engine.prepare(request, make, records)?)
}

/// Prepares the request on the unchanged document. The digest covers the request and the document that it changes, so the new
/// document is not needed to compare it.
fn prepare_unchanged(briefcase: &Briefcase, request: &[u8], line: &str) -> Result<Prepared, ApiError> {
    let unchanged = |document: &Authority| -> Result<AuthorityChange, AuthorityError> {
        Ok(AuthorityChange { document: document.clone(), summary: vec![line.to_owned()] })
    };
    Ok(briefcase.engine.prepare(request, unchanged, Vec::new())?)
}

/// Requires that the person saw exactly this change.
fn require_shown(prepared: &Prepared, shown: Digest) -> Result<(), ApiError> {
    if prepared.digest() == shown { Ok(()) } else { Err(ChangeError::Stale.into()) }
}

/// Replaces "the pending passkey" (a credential of `null`) by that passkey, so that the digest covers it: another passkey in its
/// place is another change.
fn complete<S>(admin: &AdminState, briefcase: &Briefcase, change: Change<S>) -> Result<Change<S>, ApiError> {
    match change {
        Change::AddPasskey { label, credential: serde_json::Value::Null } => {
            let credential = admin.pending_passkeys.peek(briefcase.engine.now())?.credential;
            Ok(Change::AddPasskey { label, credential })
        }
        given => Ok(given),
    }
}

fn canonical<S: serde::Serialize>(change: &Change<S>) -> Result<Vec<u8>, ApiError> {
    let value = serde_json::to_value(change).map_err(|error| ApiError::internal(&error))?;
    Ok(briefcase_json::canonical(&value))
}

/// Makes the new file durable beside the vault, records the change, then puts the file in force. The record settles at the next
/// start what stopped half-way.
async fn set_passphrase(
    admin: &AdminState,
    briefcase: &Briefcase,
    request: &[u8],
    passphrase: SecretString,
    checked: Checked,
) -> ApiResult<Applied> {
    let one_at_a_time = admin.passphrase_change.lock().await;
    let vault = Arc::clone(&briefcase.vault);
    let staged = tokio::task::spawn_blocking(move || vault.stage_passphrase(&passphrase)).await;
    let staged = staged.map_err(|error| ApiError::internal(&error))?;
    let staged = staged.map_err(|error| ApiError::invalid(format!("{error}.")))?;
    let line = staged.recorded_line();
    let edit = Edit::of(move |document: &Authority| document.noted(vec![line]));
    let applied = finish(admin, briefcase, request, edit, checked).await?;
    let in_force = staged.put_in_force();
    drop(one_at_a_time);
    if let Err(error) = in_force {
        // The change is on record but not in force, and the next start puts it in force. Nothing else may be decided until then.
        admin.parts.lock.lock().await;
        return Err(ApiError::internal(&error));
    }
    Ok(applied)
}
