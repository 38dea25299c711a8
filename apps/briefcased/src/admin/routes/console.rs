//! The console's page and how a browser gets to use it.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use briefcase_api::{ConsoleCode, ConsoleLogin, ConsoleSession};
use briefcase_types::Clock as _;

use crate::admin::{
    error::{ApiError, ApiResult},
    state::Admin,
};

const INDEX: &str = include_str!("../../../../../web/console/dist/index.html");
const SCRIPT: &str = include_str!("../../../../../web/console/dist/app.js");
const STYLE: &str = include_str!("../../../../../web/console/dist/app.css");

const ICON: &str = include_str!("../../../../../web/console/dist/icon.svg");

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// `POST /v1/console/login`: only at the socket.
pub async fn login(State(admin): State<Arc<Admin>>) -> ApiResult<ConsoleLogin> {
    let environment = &admin.daemon.environment;
    let code = admin.console.new_code(environment.entropy.as_ref(), environment.clock.now());
    Ok(Json(ConsoleLogin { url: format!("http://localhost:{}/#code={code}", environment.console_port) }))
}

/// `POST /v1/console/session`: only at the port.
pub async fn session(State(admin): State<Arc<Admin>>, Json(body): Json<ConsoleCode>) -> ApiResult<ConsoleSession> {
    let environment = &admin.daemon.environment;
    let token = admin.console.trade(&body.code, environment.entropy.as_ref(), environment.clock.now());
    let next = "UnlockedState a new one with `briefcase console`.";
    let token = token.map_err(|error| ApiError::new(StatusCode::UNAUTHORIZED, "bad_code", error.to_string(), next))?;
    Ok(Json(ConsoleSession { token }))
}

/// The page, at every address that is a view of it.
pub async fn index() -> Response {
    page("text/html; charset=utf-8", INDEX)
}

/// Its script.
pub async fn script() -> Response {
    page("text/javascript; charset=utf-8", SCRIPT)
}

/// Its style.
pub async fn style() -> Response {
    page("text/css; charset=utf-8", STYLE)
}

/// Its sign in the browser's tab.
pub async fn icon() -> Response {
    page("image/svg+xml", ICON)
}

fn page(kind: &'static str, body: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

/// What every answer at the port carries.
pub fn harden(response: &mut Response) {
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 8] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "publickey-credentials-get=(self), publickey-credentials-create=(self)",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
