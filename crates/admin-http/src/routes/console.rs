//! Console sessions: a one-time code from the CLI becomes a session of the page.

use std::sync::Arc;

use axum::{Extension, Json, extract::State, http::StatusCode};
use briefcase_api::{ConsoleCode, ConsoleLogin, ConsoleSession};

use crate::{
    connections::ConnectionHandle,
    error::{ApiError, ApiResult},
    state::AdminState,
};

/// `POST /v1/console/login`, at the socket only.
pub async fn login(
    State(admin): State<Arc<AdminState>>,
    Extension(connection): Extension<ConnectionHandle>,
) -> ApiResult<ConsoleLogin> {
    let process = connection.process().unwrap_or_default();
    let code = admin.console.new_code(process, admin.parts.entropy.as_ref(), admin.parts.clock.now());
    Ok(Json(ConsoleLogin { url: format!("http://{}/#code={code}", admin.console_authority()) }))
}

/// `POST /v1/console/session`, at the port only.
pub async fn session(State(admin): State<Arc<AdminState>>, Json(body): Json<ConsoleCode>) -> ApiResult<ConsoleSession> {
    let token = admin.console.exchange(&body.code, admin.parts.entropy.as_ref(), admin.parts.clock.now());
    let next = "Open a new one with `briefcase console`.";
    let token = token.map_err(|error| ApiError::new(StatusCode::UNAUTHORIZED, "bad_code", error.to_string(), next))?;
    Ok(Json(ConsoleSession { token }))
}
