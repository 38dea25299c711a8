//! The settings of the whole briefcase.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_types::Settings;

use crate::{error::ApiResult, state::AdminState};

/// `GET /v1/settings`
pub async fn settings(State(admin): State<Arc<AdminState>>) -> ApiResult<Settings> {
    let briefcase = admin.briefcase()?;
    let authority = briefcase.engine.authority();
    Ok(Json(authority.document().settings.clone()))
}
