//! Factors: how people prove to be present.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::{Change, Confidential, FactorView};
use briefcase_policy::authority::Factor;
use briefcase_presence::{EnrolmentPermit, PinFactor};
use briefcase_types::{FactorKind, UnixMillis};
use serde_json::Value;

use crate::{
    Briefcase,
    edit::{Edit, SideEffects},
    error::{ApiError, ApiResult},
    state::AdminState,
};

/// `GET /v1/factors`
pub async fn list(State(admin): State<Arc<AdminState>>) -> ApiResult<Vec<FactorView>> {
    let briefcase = admin.briefcase()?;
    let authority = briefcase.engine.authority();
    let view = |factor: &Factor| FactorView {
        id: factor.id.clone(),
        kind: factor.kind.clone(),
        label: factor.data.get("label").and_then(Value::as_str).unwrap_or_default().to_owned(),
        created: UnixMillis(factor.data.get("enrolled_at").and_then(Value::as_u64).unwrap_or_default()),
    };
    Ok(Json(authority.document().factors.iter().map(view).collect()))
}

/// The record's line for a change that enrols a factor; `None` for every other change. Such a factor is made only after the
/// evidence was accepted.
pub fn enrolment_line<S>(change: &Change<S>) -> Option<&'static str> {
    match change {
        Change::SetPin { .. } => Some("pin_set"),
        Change::AddPasskey { .. } => Some("passkey_added"),
        _ => None,
    }
}

/// Makes a factor, with the permit that the evidence earned.
///
/// # Errors
/// `invalid`: the PIN is too weak, the passkey's answer does not match, or the change enrols no factor.
pub async fn enrol(
    admin: &AdminState,
    briefcase: &Briefcase,
    change: Change<Confidential>,
    permit: EnrolmentPermit,
) -> Result<Edit, ApiError> {
    match change {
        Change::SetPin { pin } => {
            let (entropy, now) = (Arc::clone(&admin.parts.entropy), briefcase.engine.now());
            let enrolled = tokio::task::spawn_blocking(move || {
                PinFactor::enrol(permit, &pin.into_secret(), entropy.as_ref(), now)
            });
            let pin = enrolled.await.map_err(|error| ApiError::internal(&error))?;
            let pin = pin.map_err(|error| ApiError::invalid(format!("{error}.")))?;
            let factor = factor(pin.id().to_string(), FactorKind::Pin, &pin)?;
            Ok(Edit::of(move |document| document.replace_factor_of_kind(factor)))
        }
        Change::AddPasskey { label, credential } => {
            let passkey = briefcase.factors.finish_passkey(permit, &credential, &label).await;
            let passkey = passkey.map_err(|error| ApiError::invalid(format!("{error}.")))?;
            let factor = factor(passkey.id().to_string(), FactorKind::Passkey, &passkey)?;
            let effects = SideEffects { passkey_enrolled: true, ..SideEffects::default() };
            Ok(Edit { effects, ..Edit::of(move |document| document.add_factor(factor)) })
        }
        _ => Err(ApiError::invalid("This change enrols no factor.")),
    }
}

fn factor(id: String, kind: FactorKind, data: &impl serde::Serialize) -> Result<Factor, ApiError> {
    let data = serde_json::to_value(data).map_err(|error| ApiError::internal(&error))?;
    Ok(Factor { id, kind: kind.as_str().to_owned(), data })
}
