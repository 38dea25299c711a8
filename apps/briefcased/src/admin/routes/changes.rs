//! Changes of the authority document: preview, proof, apply.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::{Applied, Apply, Change, Preview};
use briefcase_engine::{
    change::{Checked, Prepared},
    ports::Record,
};
use briefcase_policy::authority::{self, Authority, AuthorityError};
use briefcase_types::{Digest, SecretString};
use briefcase_vault::{KdfCost, NewSlot};

use super::edits::{self, Edit};
use crate::{
    admin::{
        answer::{Answer, Failure, uninterrupted},
        evidence::evidence,
        state::Admin,
    },
    open::Open,
};

/// `POST /v1/changes/preview`
pub async fn preview(State(admin): State<Arc<Admin>>, Json(change): Json<Change>) -> Answer<Preview> {
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
pub async fn apply(State(admin): State<Arc<Admin>>, Json(body): Json<Apply>) -> Answer<Applied> {
    // A change that is on record has to come into force, whether or not the client stays to hear of it.
    uninterrupted(applied(admin, body)).await
}

async fn applied(admin: Arc<Admin>, body: Apply) -> Answer<Applied> {
    let Apply { change, digest, evidence: given } = body;
    let open = admin.open()?;
    let change = spelled_out(&admin, &open, change)?;
    let request = canonical(&change)?;
    let given = evidence(given)?;
    if let Some(line) = enrolment(&change) {
        let asked = prepare_unchanged(&open, &request, line)?;
        must_be(&asked, digest)?;
        open.presence.expect_enrolment(digest);
        let checked = open.engine.check(given, digest).await;
        let permit = open.presence.take_permit(&digest);
        let (checked, permit) =
            (checked?, permit.ok_or_else(|| Failure::invalid("The proof of presence was not kept."))?);
        let edit = edits::enrol(&admin, &open, change, permit).await?;
        return finish(&admin, &open, &request, edit, checked).await;
    }
    if let Change::SetPassphrase { passphrase } = change {
        let asked = prepare_unchanged(&open, &request, PASSPHRASE)?;
        must_be(&asked, digest)?;
        let checked = open.engine.check(given, digest).await?;
        replace_passphrase(&admin, &open, passphrase).await?;
        let edit = Edit::of(|document: &Authority| document.noted(vec![PASSPHRASE.to_owned()]));
        return finish(&admin, &open, &request, edit, checked).await;
    }
    let edit = edits::edit(&admin, &open, change).await?;
    let asked = prepare_unchanged(&open, &request, "")?;
    must_be(&asked, digest)?;
    let checked = open.engine.check(given, digest).await?;
    finish(&admin, &open, &request, edit, checked).await
}

const PASSPHRASE: &str = "passphrase_set";

async fn finish(admin: &Admin, open: &Arc<Open>, request: &[u8], edit: Edit, checked: Checked) -> Answer<Applied> {
    let Edit { edit, records, token, after } = edit;
    let prepared = prepare(open, request, edit, records)?;
    let receipt = open.engine.apply_checked(prepared, checked).await?;
    edits::took_effect(admin, open, &after);
    Ok(Json(Applied { version: open.engine.standing().version(), receipt, token }))
}

fn prepare(open: &Open, request: &[u8], edit: edits::Make, records: Vec<Record>) -> Result<Prepared, Failure> {
    Ok(open.engine.prepare(request, edit, records)?)
}

/// The digest covers what was asked and the document it is asked of; what the change makes of it needs no second look.
fn prepare_unchanged(open: &Open, request: &[u8], line: &str) -> Result<Prepared, Failure> {
    let unchanged = |document: &Authority| -> Result<authority::Change, AuthorityError> {
        Ok(authority::Change { document: document.clone(), summary: vec![line.to_owned()] })
    };
    Ok(open.engine.prepare(request, unchanged, Vec::new())?)
}

fn must_be(prepared: &Prepared, shown: Digest) -> Result<(), Failure> {
    if prepared.digest() == shown { Ok(()) } else { Err(briefcase_engine::change::ChangeError::Stale.into()) }
}

/// "The passkey that waits" becomes that passkey, so that the digest covers it: another one in its place is another change.
fn spelled_out(admin: &Admin, open: &Open, change: Change) -> Result<Change, Failure> {
    match change {
        Change::AddPasskey { label, credential: serde_json::Value::Null } => {
            let credential = admin.offers.peek(open.engine.now())?.credential;
            Ok(Change::AddPasskey { label, credential })
        }
        given => Ok(given),
    }
}

/// Changes that enrol a factor: the factor is made only after the evidence was taken.
fn enrolment(change: &Change) -> Option<&'static str> {
    match change {
        Change::SetPin { .. } => Some("pin_set"),
        Change::AddPasskey { .. } => Some("passkey_added"),
        _ => None,
    }
}

fn canonical(change: &Change) -> Result<Vec<u8>, Failure> {
    let value = serde_json::to_value(change).map_err(|error| Failure::internal(&error))?;
    Ok(briefcase_json::canonical(&value))
}

async fn replace_passphrase(admin: &Admin, open: &Arc<Open>, passphrase: String) -> Result<(), Failure> {
    let vault_file = admin.life.around.paths.state.join(crate::open::VAULT_FILE);
    let (entropy, unlocked) = (admin.life.around.entropy.clone(), Arc::clone(&open.unlocked));
    let work = move || {
        let passphrase = SecretString::new(passphrase);
        let mut vault = briefcase_vault::Vault::load(&vault_file)?;
        let slot = NewSlot::Passphrase { passphrase: &passphrase, cost: KdfCost::DEFAULT };
        let old = vault.slots().into_iter().find(|slot| slot.kind == briefcase_vault::SlotKind::Passphrase);
        match old {
            Some(old) => vault.replace_slot(&unlocked, &old.id, slot, entropy.as_ref()).map(|_| ()),
            None => vault.add_slot(&unlocked, slot, "passphrase", entropy.as_ref()).map(|_| ()),
        }
    };
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Failure::internal(&error))?;
    done.map_err(|error| Failure::invalid(format!("{error}.")))
}
