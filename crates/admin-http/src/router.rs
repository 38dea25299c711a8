//! The routes of the admin API at its two places, behind the checks of each.

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use briefcase_types::text;

use crate::{
    connections::ConnectionHandle,
    console::assets,
    error::ApiError,
    request_guard::{self, GuardRejection},
    routes::{
        agents, approvals, backup, budgets, changes, console, doctor, events, factors, grants, lock, log, passkeys,
        policy, receipts, secrets, servers, settings, status, tools, why,
    },
    state::AdminState,
};

/// The longest request body, in bytes.
const MAX_BODY: usize = 8 << 20;
/// The ends of the routes at the console's port that succeed only with evidence of a person's presence.
const NEED_EVIDENCE: [&str; 2] = ["/decide", "/v1/changes"];
/// The longest rejection by the HTTP framework that is read, in bytes.
const MAX_REASON: usize = 64 << 10;

/// The routes that both the admin socket and the console's port serve.
fn shared() -> Router<Arc<AdminState>> {
    Router::new()
        .route("/v1/status", get(status::status))
        .route("/v1/doctor", get(doctor::doctor))
        .route("/v1/events", get(events::events))
        .route("/v1/approvals", get(approvals::list))
        .route("/v1/approvals/{id}/decision-digest", post(approvals::digest))
        .route("/v1/approvals/{id}/decide", post(approvals::decide))
        .route("/v1/challenge", post(passkeys::challenge))
        .route("/v1/passkey/begin", post(passkeys::begin))
        .route("/v1/passkey/offer", get(passkeys::offered).post(passkeys::offer))
        .route("/v1/agents", get(agents::list))
        .route("/v1/servers", get(servers::list))
        .route("/v1/servers/{id}/test", post(servers::test))
        .route("/v1/servers/{id}/listener", get(servers::listener))
        .route("/v1/tools", get(tools::list))
        .route("/v1/settings", get(settings::settings))
        .route("/v1/grants", get(grants::list))
        .route("/v1/budgets", get(budgets::list))
        .route("/v1/secrets", get(secrets::list))
        .route("/v1/factors", get(factors::list))
        .route("/v1/policy", get(policy::text))
        .route("/v1/policy/check", post(policy::check))
        .route("/v1/policy/test", post(policy::test))
        .route("/v1/why/{receipt}", get(why::why))
        .route("/v1/changes/preview", post(changes::preview))
        .route("/v1/changes", post(changes::apply))
        .route("/v1/receipts", get(receipts::list))
        .route("/v1/receipts/{id}", get(receipts::detail))
        .route("/v1/log/checkpoint", get(log::checkpoint))
        .route("/v1/log/key", get(log::key))
        .route("/v1/log/tile/{*path}", get(log::tile))
}

/// The routes at `admin.sock`.
pub fn at_socket(admin: Arc<AdminState>) -> Router {
    shared()
        .route("/v1/unlock", post(lock::unlock))
        .route("/v1/lock", post(lock::lock))
        .route("/v1/servers/probe", post(servers::probe))
        .route("/v1/backup", post(backup::backup))
        .route("/v1/console/login", post(console::login))
        .layer(middleware::from_fn(guard_socket))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(admin)
}

/// The routes at the console's port.
pub fn at_console(admin: Arc<AdminState>) -> Router {
    let api = shared().layer(middleware::from_fn_with_state(Arc::clone(&admin), require_session));
    let page = Router::new()
        .route("/", get(assets::index))
        .route("/approvals", get(assets::index))
        .route("/servers", get(assets::index))
        .route("/receipts", get(assets::index))
        .route("/budgets", get(assets::index))
        .route("/policy", get(assets::index))
        .route("/security", get(assets::index))
        .route("/app.js", get(assets::script))
        .route("/app.css", get(assets::style))
        .route("/icon.svg", get(assets::icon))
        .route("/v1/console/session", post(console::session));
    page.merge(api)
        .layer(middleware::from_fn_with_state(Arc::clone(&admin), guard_console))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(admin)
}

async fn guard_socket(request: Request, next: Next) -> Response {
    match request_guard::check_socket(request.method(), request.headers()) {
        Ok(()) => explained(next.run(request).await).await,
        Err(rejection) => rejected(rejection),
    }
}

async fn guard_console(State(admin): State<Arc<AdminState>>, request: Request, next: Next) -> Response {
    let authority = admin.console_authority();
    let mut response = match request_guard::check_console(request.method(), request.headers(), &authority) {
        Ok(()) => explained(next.run(request).await).await,
        Err(rejection) => rejected(rejection),
    };
    assets::add_security_headers(&mut response);
    response
}

/// Gives a code and a next step to the responses of the HTTP framework, which rejects some requests before a handler runs.
async fn explained(response: Response) -> Response {
    let status = response.status();
    let is_explained = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !status.is_client_error() || is_explained {
        return response;
    }
    if status == StatusCode::NOT_FOUND {
        let next = "Check that both are of the same version: `briefcase status`.";
        return ApiError::new(status, "not_found", "There is no such route.", next).into_response();
    }
    let body = axum::body::to_bytes(response.into_body(), MAX_REASON).await.unwrap_or_default();
    let reason = text::printable(text::clip(&String::from_utf8_lossy(&body), 300));
    let message = if reason.is_empty() { status.to_string() } else { reason };
    ApiError(status, ApiError::invalid(message).1).into_response()
}

fn rejected(rejection: GuardRejection) -> Response {
    let next = "Use `briefcase`, or open the console with `briefcase console`.";
    ApiError::new(StatusCode::FORBIDDEN, "forbidden", format!("Refused ({}).", rejection.word()), next).into_response()
}

async fn require_session(State(admin): State<Arc<AdminState>>, request: Request, next: Next) -> Response {
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.strip_prefix("Bearer "));
    if let Some(session) = token.and_then(|token| admin.console.session(token, admin.parts.clock.now())) {
        if let Some(connection) = request.extensions().get::<ConnectionHandle>() {
            connection.prove(session);
        }
        let needs_evidence = NEED_EVIDENCE.iter().any(|end| request.uri().path().ends_with(end));
        let response = next.run(request).await;
        if needs_evidence && response.status().is_success() {
            admin.console.verify(&session);
        }
        return response;
    }
    let next_step = "Open the console with `briefcase console`.";
    ApiError::new(StatusCode::UNAUTHORIZED, "no_session", "This needs a console session.", next_step).into_response()
}
