//! Secrets. Values only come in.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::{Confidential, ConfidentialDigest, SecretView};
use briefcase_engine::change::Checked;
use briefcase_policy::authority::{Authority, Server};
use briefcase_ports::Record;
use briefcase_types::{SecretBytes, SecretName, ServerId};

use crate::{
    Briefcase,
    edit::{Edit, MakeDocument},
    error::{ApiError, ApiResult},
    state::AdminState,
};

/// `GET /v1/secrets`: names, versions, and the servers that use them.
pub async fn list(State(admin): State<Arc<AdminState>>) -> ApiResult<Vec<SecretView>> {
    let briefcase = admin.briefcase()?;
    let authority = briefcase.engine.authority();
    let document = authority.document();
    let view = document.secrets.iter().map(|(name, entry)| SecretView {
        name: name.clone(),
        version: entry.version,
        used_by: servers_with(document, name).collect(),
    });
    Ok(Json(view.collect()))
}

/// The servers whose transport uses a secret.
fn servers_with(document: &Authority, name: &SecretName) -> impl Iterator<Item = ServerId> {
    let uses = move |server: &Server| server.transport.secrets().any(|used| used == name);
    document.servers.iter().filter(move |(_, server)| uses(server)).map(|(server, _)| server.clone())
}

/// Makes the document of a preview, which knows only the digest of the value. The document is never applied.
pub fn preview(name: SecretName, value: ConfidentialDigest) -> MakeDocument {
    Box::new(move |document| document.set_secret(name, value.digest()))
}

/// Checks the form of a value.
///
/// # Errors
/// `invalid` for a value that is empty, longer than 64 KiB or has control characters.
pub fn check(value: &Confidential) -> Result<(), ApiError> {
    let is_unfit = |text: &str| text.trim().is_empty() || text.len() > 64 * 1024 || text.chars().any(char::is_control);
    if value.expose(is_unfit) {
        return Err(ApiError::invalid("A secret is 1 byte to 64 KiB of text without control characters."));
    }
    Ok(())
}

/// Seals a new value of a secret. Connections that use the secret are opened anew.
///
/// Invariant: the evidence was accepted before, so a wrong PIN leaves no sealed record behind.
///
/// # Errors
/// `unavailable` when the value cannot be sealed.
pub fn seal(
    briefcase: &Briefcase,
    name: SecretName,
    value: &Confidential,
    _checked: &Checked,
) -> Result<Edit, ApiError> {
    let authority = briefcase.engine.authority();
    let document = authority.document();
    let version = document.secrets.get(&name).map_or(0, |entry| entry.version).saturating_add(1);
    let value = value.expose(|text| SecretBytes::new(text.as_bytes().to_vec()));
    let sealed = briefcase.vault.seal_secret(&name, version, &value).map_err(|error| ApiError::internal(&error))?;
    let record = Record::Secret { name: name.clone(), sealed: Some(sealed.record) };
    let users: Vec<ServerId> = servers_with(document, &name).collect();
    let edit = Edit::of(move |document| document.set_secret(name, sealed.digest));
    Ok(edit.with_records(vec![record]).reconnecting(users))
}

/// Removes a secret.
pub fn remove(name: SecretName) -> Edit {
    let record = Record::Secret { name: name.clone(), sealed: None };
    Edit::of(move |document| document.remove_secret(&name)).with_records(vec![record])
}
