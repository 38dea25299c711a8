//! Changes of the authority document: preview, proof, apply.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::{Applied, Apply, Change, Confidential, ConfidentialDigest, Preview};
use briefcase_engine::change::{Checked, Prepared};
use briefcase_policy::authority::{self, Authority, AuthorityError};
use briefcase_ports::Record;
use briefcase_types::{Digest, SecretString};

use super::edits::{self, Edit};
use crate::{
    admin::{
        answer::{Answer, Failure, uninterrupted},
        evidence::evidence,
        state::Admin,
    },
    keep::slots,
    open::Open,
};

/// `POST /v1/changes/preview`. The change names a secret by its digest.
pub async fn preview(
    State(admin): State<Arc<Admin>>,
    Json(change): Json<Change<ConfidentialDigest>>,
) -> Answer<Preview> {
    let open = admin.open()?;
    let change = spelled_out(&admin, &open, change)?;
    let request = canonical(&change)?;
    let prepared = match (enrolment(&change), change) {
        (Some(line), _) => prepare_unchanged(&open, &request, line)?,
        (None, Change::SetSecret { name, value }) => {
            prepare(&open, &request, edits::unsealed_secret(name, value), Vec::new())?
        }
        (None, change) => {
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
pub async fn apply(State(admin): State<Arc<Admin>>, Json(body): Json<Apply<Confidential>>) -> Answer<Applied> {
    // A change that is on record has to come into force, whether or not the client stays to hear of it.
    uninterrupted(applied(admin, body)).await
}

async fn applied(admin: Arc<Admin>, body: Apply<Confidential>) -> Answer<Applied> {
    let Apply { change, digest, evidence: given } = body;
    let open = admin.open()?;
    let change = spelled_out(&admin, &open, change)?;
    let request = canonical(&change)?;
    let given = evidence(given)?;
    if let Some(line) = enrolment(&change) {
        let asked = prepare_unchanged(&open, &request, line)?;
        must_be(&asked, digest)?;
        let enrolment = open.presence.enrolment(digest).await;
        let checked = open.engine.check(given, digest).await?;
        let permit = enrolment.permit().ok_or_else(|| Failure::invalid("The proof of presence was not kept."))?;
        let edit = edits::enrol(&admin, &open, change, permit).await?;
        return finish(&admin, &open, &request, edit, checked).await;
    }
    if let Change::SetPassphrase { passphrase } = change {
        let asked = prepare_unchanged(&open, &request, slots::PASSPHRASE_SET)?;
        must_be(&asked, digest)?;
        let checked = open.engine.check(given, digest).await?;
        return set_passphrase(&admin, &open, &request, passphrase.into_secret(), checked).await;
    }
    if let Change::SetSecret { name, value } = change {
        edits::check_secret(&value)?;
        must_be(&prepare_unchanged(&open, &request, "")?, digest)?;
        // Sealed only now: a wrong PIN leaves nothing behind.
        let checked = open.engine.check(given, digest).await?;
        let edit = edits::seal_secret(&open, name, value, &checked)?;
        return finish(&admin, &open, &request, edit, checked).await;
    }
    let edit = edits::edit(&admin, &open, change).await?;
    let asked = prepare_unchanged(&open, &request, "")?;
    must_be(&asked, digest)?;
    let checked = open.engine.check(given, digest).await?;
    finish(&admin, &open, &request, edit, checked).await
}

async fn finish(admin: &Admin, open: &Arc<Open>, request: &[u8], edit: Edit, checked: Checked) -> Answer<Applied> {
    let Edit { edit, records, token, after } = edit;
    let prepared = prepare(open, request, edit, records)?;
    let receipt = open.engine.apply_checked(prepared, checked).await?;
    edits::took_effect(admin, open, &after);
    Ok(Json(Applied { version: open.engine.authority().version(), receipt, token }))
}

fn prepare(open: &Open, request: &[u8], edit: edits::Make, records: Vec<Record>) -> Result<Prepared, Failure> {
    Ok(open.engine.prepare(request, edit, records)?)
}

/// The digest covers what was asked and the document it is asked of; what the change makes of it needs no second look.
fn prepare_unchanged(open: &Open, request: &[u8], line: &str) -> Result<Prepared, Failure> {
    let unchanged = |document: &Authority| -> Result<authority::AuthorityChange, AuthorityError> {
        Ok(authority::AuthorityChange { document: document.clone(), summary: vec![line.to_owned()] })
    };
    Ok(open.engine.prepare(request, unchanged, Vec::new())?)
}

fn must_be(prepared: &Prepared, shown: Digest) -> Result<(), Failure> {
    if prepared.digest() == shown { Ok(()) } else { Err(briefcase_engine::change::ChangeError::Stale.into()) }
}

/// "The passkey that waits" becomes that passkey, so that the digest covers it: another one in its place is another change.
fn spelled_out<S>(admin: &Admin, open: &Open, change: Change<S>) -> Result<Change<S>, Failure> {
    match change {
        Change::AddPasskey { label, credential: serde_json::Value::Null } => {
            let credential = admin.offers.peek(open.engine.now())?.credential;
            Ok(Change::AddPasskey { label, credential })
        }
        given => Ok(given),
    }
}

/// Changes that enrol a factor: the factor is made only after the evidence was taken.
fn enrolment<S>(change: &Change<S>) -> Option<&'static str> {
    match change {
        Change::SetPin { .. } => Some("pin_set"),
        Change::AddPasskey { .. } => Some("passkey_added"),
        _ => None,
    }
}

fn canonical<S: serde::Serialize>(change: &Change<S>) -> Result<Vec<u8>, Failure> {
    let value = serde_json::to_value(change).map_err(|error| Failure::internal(&error))?;
    Ok(briefcase_json::canonical(&value))
}

/// Durable beside the vault, then on record, then in force. What stops half-way is settled by the record at the next start.
async fn set_passphrase(
    admin: &Admin,
    open: &Arc<Open>,
    request: &[u8],
    passphrase: SecretString,
    checked: Checked,
) -> Answer<Applied> {
    let one_at_a_time = open.slots.lock().await;
    let vault_file = admin.life.around.paths.state.join(crate::open::VAULT_FILE);
    let (entropy, unlocked) = (admin.life.around.entropy.clone(), Arc::clone(&open.unlocked));
    let work = move || slots::stage(&vault_file, &unlocked, &passphrase, entropy.as_ref());
    let staged = tokio::task::spawn_blocking(work).await.map_err(|error| Failure::internal(&error))?;
    let staged = staged.map_err(|error| Failure::invalid(format!("{error}.")))?;
    let line = slots::recorded_line(staged.digest());
    let edit = Edit::of(move |document: &Authority| document.noted(vec![line]));
    let applied = finish(admin, open, request, edit, checked).await?;
    let in_force = staged.put_in_force();
    drop(one_at_a_time);
    if let Err(error) = in_force {
        // On record and not in force: the next start puts it in force. Until then nothing else may be decided.
        admin.life.lock().await;
        return Err(Failure::internal(&error));
    }
    Ok(applied)
}
