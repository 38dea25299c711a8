//! Backups.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use briefcase_api::{Backup, Confidential};
use briefcase_types::Digest;

use crate::{error::ApiError, evidence::evidence, state::AdminState};

/// The digest that the evidence for a backup is bound to.
fn backup_digest() -> Digest {
    Digest::labelled("briefcase/backup/1", &[])
}

/// `POST /v1/backup`: an archive that the passphrase encrypts.
pub async fn backup(
    State(admin): State<Arc<AdminState>>,
    Json(body): Json<Backup<Confidential>>,
) -> Result<Response, ApiError> {
    let briefcase = admin.briefcase()?;
    briefcase.engine.check(evidence(body.evidence)?, backup_digest()).await?;
    let (passphrase, now) = (body.passphrase.into_secret(), briefcase.engine.now());
    let vault = Arc::clone(&briefcase.vault);
    let archive = tokio::task::spawn_blocking(move || vault.back_up(&passphrase, now)).await;
    let archive = archive.map_err(|error| ApiError::internal(&error))?.map_err(|error| ApiError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], archive).into_response())
}
