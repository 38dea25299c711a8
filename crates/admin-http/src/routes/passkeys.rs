//! Passkey ceremonies: challenges, and passkeys that wait to be allowed.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use briefcase_api::{Bound, PasskeyOffer, PasskeyOfferView, WebAuthnOptions};
use briefcase_types::text;

use crate::{
    error::{ApiError, ApiResult},
    pending_passkeys,
    state::AdminState,
};

/// `POST /v1/challenge`: the options of an assertion for a digest.
pub async fn challenge(State(admin): State<Arc<AdminState>>, Json(body): Json<Bound>) -> ApiResult<WebAuthnOptions> {
    let briefcase = admin.briefcase()?;
    let options = briefcase.factors.challenge(body.digest).await;
    let next = "Enrol one with `briefcase factor add passkey`, or decide at a terminal with `briefcase approvals`.";
    options
        .map(|options| Json(WebAuthnOptions(options)))
        .map_err(|error| ApiError::new(StatusCode::CONFLICT, "factor_required", error.to_string(), next))
}

/// `POST /v1/passkey/begin`: the options of a registration.
pub async fn begin(State(admin): State<Arc<AdminState>>) -> ApiResult<WebAuthnOptions> {
    let briefcase = admin.briefcase()?;
    let options = briefcase.factors.begin_passkey().await.map_err(|error| ApiError::invalid(format!("{error}.")))?;
    Ok(Json(WebAuthnOptions(options)))
}

/// `POST /v1/passkey/offer`
pub async fn offer(
    State(admin): State<Arc<AdminState>>,
    Json(body): Json<PasskeyOffer>,
) -> ApiResult<PasskeyOfferView> {
    let briefcase = admin.briefcase()?;
    let label = text::printable(text::clip(&body.label, 64));
    let code = pending_passkeys::code(&body.credential);
    admin.pending_passkeys.add(label.clone(), body.credential, briefcase.engine.now());
    Ok(Json(PasskeyOfferView { label, code }))
}

/// `GET /v1/passkey/offer`
pub async fn offered(State(admin): State<Arc<AdminState>>) -> ApiResult<PasskeyOfferView> {
    let briefcase = admin.briefcase()?;
    let pending = admin.pending_passkeys.peek(briefcase.engine.now())?;
    Ok(Json(PasskeyOfferView { code: pending_passkeys::code(&pending.credential), label: pending.label }))
}
