//! Changes of the authority document: preview, proof, apply.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::{Applied, Apply, Change, Confidential, Preview};
use briefcase_engine::change::{Checked, Prepared};
use briefcase_policy::authority::{self, Authority, AuthorityError};
use briefcase_ports::Record;
use briefcase_types::{Digest, SecretString};

use super::edits::{self, Edit};
use crate::{
    adapters::slots,
    admin::{
        error::{ApiError, ApiResult, uninterrupted},
        evidence::evidence,
        state::Admin,
    },
    startup::UnlockedState,
};

/// `POST /v1/changes/preview`
pub async fn preview(State(admin): State<Arc<Admin>>, Json(change): Json<Change<Confidential>>) -> ApiResult<Preview> {
    let open = admin.open()?;
    let change = spelled_out(&admin, &open, change)?;
    let request = canonical(&change)?;
    let prepared = match enrolment(&change) {
        Some(line) => prepare_unchanged(&open, &request, line)?,
        None => {
            let edit = edits::edit(&admin, &open, change).await?;
            prepare(&open, &request, edit.edit, edit.records)?
        }
    };
    Ok(Json(Preview {
        digest: prepared.digest(),
        lines: prepared.summary().to_vec(),
        from_version: prepared.from_version(),
    }))
}

/// `POST /v1/changes`
pub async fn apply(State(admin): State<Arc<Admin>>, Json(body): Json<Apply<Confidential>>) -> ApiResult<Applied> {
    // A change that is on record has to come into force, whether or not the client stays to hear of it.
    uninterrupted(applied(admin, body)).await
}

async fn applied(admin: Arc<Admin>, body: Apply<Confidential>) -> ApiResult<Applied> {
    let Apply { change, digest, evidence: given } = body;
    let open = admin.open()?;
    let change = spelled_out(&admin, &open, change)?;
    let request = canonical(&change)?;
    let given = evidence(given)?;
    if let Some(line) = enrolment(&change) {
        let asked = prepare_unchanged(&open, &request, line)?;
        must_be(&asked, digest)?;
        let enrolment = open.factors.enrolment(digest).await;
        let checked = open.engine.check(given, digest).await?;
        let permit = enrolment.permit().ok_or_else(|| ApiError::invalid("The proof of presence was not kept."))?;
        let edit = edits::enrol(&admin, &open, change, permit).await?;
        return finish(&admin, &open, &request, edit, checked).await;
    }
    if let Change::SetPassphrase { passphrase } = change {
        let asked = prepare_unchanged(&open, &request, slots::PASSPHRASE_SET)?;
        must_be(&asked, digest)?;
        let checked = open.engine.check(given, digest).await?;
        return set_passphrase(&admin, &open, &request, passphrase.into_secret(), checked).await;
    }
    let edit = edits::edit(&admin, &open, change).await?;
    let asked = prepare_unchanged(&open, &request, "")?;
    must_be(&asked, digest)?;
    let checked = open.engine.check(given, digest).await?;
    finish(&admin, &open, &request, edit, checked).await
}

async fn finish(
    admin: &Admin,
    open: &Arc<UnlockedState>,
    request: &[u8],
    edit: Edit,
    checked: Checked,
) -> ApiResult<Applied> {
    let Edit { edit, records, token, after } = edit;
    let prepared = prepare(open, request, edit, records)?;
    let receipt = open.engine.apply_checked(prepared, checked).await?;
    edits::took_effect(admin, open, &after);
    Ok(Json(Applied { version: open.engine.authority().version(), receipt, token }))
}

fn prepare(
    open: &UnlockedState,
    request: &[u8],
    edit: edits::Make,
    records: Vec<Record>,
) -> Result<Prepared, ApiError> {
    Ok(open.engine.prepare(request, edit, records)?)
}

/// The digest covers what was asked and the document it is asked of; what the change makes of it needs no second look.
fn prepare_unchanged(open: &UnlockedState, request: &[u8], line: &str) -> Result<Prepared, ApiError> {
    let unchanged = |document: &Authority| -> Result<authority::Change, AuthorityError> {
        Ok(authority::Change { document: document.clone(), summary: vec![line.to_owned()] })
    };
    Ok(open.engine.prepare(request, unchanged, Vec::new())?)
}

fn must_be(prepared: &Prepared, shown: Digest) -> Result<(), ApiError> {
    if prepared.digest() == shown { Ok(()) } else { Err(briefcase_engine::change::ChangeError::Stale.into()) }
}

/// "The passkey that waits" becomes that passkey, so that the digest covers it: another one in its place is another change.
fn spelled_out(
    admin: &Admin,
    open: &UnlockedState,
    change: Change<Confidential>,
) -> Result<Change<Confidential>, ApiError> {
    match change {
        Change::AddPasskey { label, credential: serde_json::Value::Null } => {
            let credential = admin.pending_passkeys.peek(open.engine.now())?.credential;
            Ok(Change::AddPasskey { label, credential })
        }
        given => Ok(given),
    }
}

/// Changes that enrol a factor: the factor is made only after the evidence was taken.
fn enrolment(change: &Change<Confidential>) -> Option<&'static str> {
    match change {
        Change::SetPin { .. } => Some("pin_set"),
        Change::AddPasskey { .. } => Some("passkey_added"),
        _ => None,
    }
}

fn canonical(change: &Change<Confidential>) -> Result<Vec<u8>, ApiError> {
    let value = serde_json::to_value(change).map_err(|error| ApiError::internal(&error))?;
    Ok(briefcase_json::canonical(&value))
}

/// Durable beside the vault, then on record, then in force. What stops half-way is settled by the record at the next start.
async fn set_passphrase(
    admin: &Admin,
    open: &Arc<UnlockedState>,
    request: &[u8],
    passphrase: SecretString,
    checked: Checked,
) -> ApiResult<Applied> {
    let one_at_a_time = open.slots.lock().await;
    let vault_file = admin.daemon.environment.paths.state.join(crate::state_files::VAULT_FILE);
    let (entropy, unlocked) = (admin.daemon.environment.entropy.clone(), Arc::clone(&open.unlocked));
    let work = move || slots::stage(&vault_file, &unlocked, &passphrase, entropy.as_ref());
    let staged = tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::internal(&error))?;
    let staged = staged.map_err(|error| ApiError::invalid(format!("{error}.")))?;
    let line = slots::recorded_line(staged.digest());
    let edit = Edit::of(move |document: &Authority| document.noted(vec![line]));
    let applied = finish(admin, open, request, edit, checked).await?;
    let in_force = staged.put_in_force();
    drop(one_at_a_time);
    if let Err(error) = in_force {
        // On record and not in force: the next start puts it in force. Until then nothing else may be decided.
        admin.daemon.lock().await;
        return Err(ApiError::internal(&error));
    }
    Ok(applied)
}
