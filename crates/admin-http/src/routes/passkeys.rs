//! Passkey ceremonies: challenges, and passkeys that wait to be allowed.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use briefcase_api::Bound;
use briefcase_types::text;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::{ApiError, ApiResult},
    pending_passkeys,
    state::AdminState,
};

/// `POST /v1/challenge`: the options of an assertion for a digest.
pub async fn challenge(State(admin): State<Arc<AdminState>>, Json(body): Json<Bound>) -> ApiResult<Value> {
    let briefcase = admin.briefcase()?;
    let options = briefcase.factors.challenge(body.digest).await;
    let next = "Enrol one with `briefcase factor add passkey`, or decide at a terminal with `briefcase approvals`.";
    options.map(Json).map_err(|error| ApiError::new(StatusCode::CONFLICT, "factor_required", error.to_string(), next))
}

/// `POST /v1/passkey/begin`: the options of a registration.
pub async fn begin(State(admin): State<Arc<AdminState>>) -> ApiResult<Value> {
    let briefcase = admin.briefcase()?;
    briefcase.factors.begin_passkey().await.map(Json).map_err(|error| ApiError::invalid(format!("{error}.")))
}

/// A passkey that a browser made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferedPasskey {
    label: String,
    credential: Value,
}

/// A passkey that waits to be allowed.
#[derive(Serialize)]
pub struct PendingPasskeyView {
    label: String,
    /// The confirmation code; see [`pending_passkeys::code`].
    code: String,
}

/// `POST /v1/passkey/offer`
pub async fn offer(
    State(admin): State<Arc<AdminState>>,
    Json(body): Json<OfferedPasskey>,
) -> ApiResult<PendingPasskeyView> {
    let briefcase = admin.briefcase()?;
    let label = text::printable(text::clip(&body.label, 64));
    let code = pending_passkeys::code(&body.credential);
    admin.pending_passkeys.add(label.clone(), body.credential, briefcase.engine.now());
    Ok(Json(PendingPasskeyView { label, code }))
}

/// `GET /v1/passkey/offer`
pub async fn offered(State(admin): State<Arc<AdminState>>) -> ApiResult<PendingPasskeyView> {
    let briefcase = admin.briefcase()?;
    let pending = admin.pending_passkeys.peek(briefcase.engine.now())?;
    Ok(Json(PendingPasskeyView { code: pending_passkeys::code(&pending.credential), label: pending.label }))
}
