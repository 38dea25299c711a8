//! Serves the routes at both doors.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use briefcase_ipc::AdminListener;
use briefcase_types::{Clock as _, text};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

use super::{
    error::ApiError,
    guard,
    routes::{approvals, changes, console, doctor, events, policy, receipts, vault, views},
    state::Admin,
};

const BODY: usize = 8 << 20;
const CONNECTIONS: usize = 64;
/// The longest reason that is read.
const REASON: usize = 64 << 10;
const HEADERS_WITHIN: Duration = Duration::from_secs(5);

/// Routes that both doors have.
fn shared() -> Router<Arc<Admin>> {
    Router::new()
        .route("/v1/status", get(views::status))
        .route("/v1/doctor", get(doctor::doctor))
        .route("/v1/events", get(events::events))
        .route("/v1/approvals", get(approvals::list))
        .route("/v1/approvals/{id}/decision-digest", post(approvals::digest))
        .route("/v1/approvals/{id}/decide", post(approvals::decide))
        .route("/v1/challenge", post(vault::challenge))
        .route("/v1/passkey/begin", post(vault::begin_passkey))
        .route("/v1/passkey/offer", get(vault::offered_passkey).post(vault::offer_passkey))
        .route("/v1/agents", get(views::agents))
        .route("/v1/servers", get(views::servers))
        .route("/v1/servers/{id}/test", post(views::test))
        .route("/v1/tools", get(views::tools))
        .route("/v1/grants", get(views::grants))
        .route("/v1/budgets", get(views::budgets))
        .route("/v1/secrets", get(views::secrets))
        .route("/v1/factors", get(views::factors))
        .route("/v1/policy", get(policy::text))
        .route("/v1/policy/check", post(policy::check))
        .route("/v1/policy/test", post(policy::test))
        .route("/v1/why/{receipt}", get(policy::why))
        .route("/v1/changes/preview", post(changes::preview))
        .route("/v1/changes", post(changes::apply))
        .route("/v1/receipts", get(receipts::list))
        .route("/v1/receipts/{id}", get(receipts::detail))
        .route("/v1/log/checkpoint", get(receipts::checkpoint))
        .route("/v1/log/key", get(receipts::key))
        .route("/v1/log/tile/{*path}", get(receipts::tile))
}

/// The routes at `admin.sock`.
fn at_socket(admin: Arc<Admin>) -> Router {
    shared()
        .route("/v1/unlock", post(vault::unlock))
        .route("/v1/lock", post(vault::lock))
        .route("/v1/servers/probe", post(views::probe))
        .route("/v1/backup", post(vault::backup))
        .route("/v1/console/login", post(console::login))
        .layer(middleware::from_fn(guard_socket))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(admin)
}

/// The routes at the console's port.
fn at_console(admin: Arc<Admin>) -> Router {
    let api = shared().layer(middleware::from_fn_with_state(Arc::clone(&admin), needs_session));
    let page = Router::new()
        .route("/", get(console::index))
        .route("/approvals", get(console::index))
        .route("/servers", get(console::index))
        .route("/receipts", get(console::index))
        .route("/budgets", get(console::index))
        .route("/policy", get(console::index))
        .route("/security", get(console::index))
        .route("/app.js", get(console::script))
        .route("/app.css", get(console::style))
        .route("/icon.svg", get(console::icon))
        .route("/v1/console/session", post(console::session));
    page.merge(api)
        .layer(middleware::from_fn_with_state(Arc::clone(&admin), guard_console))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(admin)
}

async fn guard_socket(request: Request, next: Next) -> Response {
    match guard::check_socket(request.method(), request.headers()) {
        Ok(()) => worded(next.run(request).await).await,
        Err(rejection) => turned_away(rejection),
    }
}

async fn guard_console(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let authority = format!("localhost:{}", admin.daemon.environment.console_port);
    let mut response = match guard::check_console(request.method(), request.headers(), &authority) {
        Ok(()) => worded(next.run(request).await).await,
        Err(rejection) => turned_away(rejection),
    };
    console::harden(&mut response);
    response
}

/// What is refused before a handler sees it gets a code and a next step like every other refusal.
async fn worded(response: Response) -> Response {
    let status = response.status();
    let has_words = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !status.is_client_error() || has_words {
        return response;
    }
    if status == StatusCode::NOT_FOUND {
        let next = "Check that both are of the same version: `briefcase status`.";
        return ApiError::new(status, "not_found", "There is no such route.", next).into_response();
    }
    let told = axum::body::to_bytes(response.into_body(), REASON).await.unwrap_or_default();
    let reason = text::printable(text::clip(&String::from_utf8_lossy(&told), 300));
    let message = if reason.is_empty() { status.to_string() } else { reason };
    ApiError(status, ApiError::invalid(message).1).into_response()
}

fn turned_away(rejection: guard::GuardRejection) -> Response {
    let next = "Use `briefcase`, or open the console with `briefcase console`.";
    ApiError::new(StatusCode::FORBIDDEN, "forbidden", format!("Refused ({}).", rejection.word()), next).into_response()
}

async fn needs_session(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.strip_prefix("Bearer "));
    if token.is_some_and(|token| admin.console.is_live(token, admin.daemon.environment.clock.now())) {
        return next.run(request).await;
    }
    let next_step = "UnlockedState the console with `briefcase console`.";
    ApiError::new(StatusCode::UNAUTHORIZED, "no_session", "This needs a console session.", next_step).into_response()
}

/// Serves `admin.sock`.
pub async fn serve_socket(listener: AdminListener, admin: Arc<Admin>, stop: CancellationToken) {
    let (routes, slots) = (at_socket(admin), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        serve_connection(stream, routes.clone(), &slots, &stop);
    }
}

/// Serves the console's port.
pub async fn serve_console(listeners: Vec<TcpListener>, admin: Arc<Admin>, stop: CancellationToken) {
    let (routes, slots) = (at_console(admin), Arc::new(Semaphore::new(CONNECTIONS)));
    let serve = |listener: TcpListener| {
        let (routes, slots, stop) = (routes.clone(), Arc::clone(&slots), stop.clone());
        async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stop.cancelled() => return,
                };
                match accepted {
                    Ok((stream, _)) => serve_connection(stream, routes.clone(), &slots, &stop),
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        }
    };
    futures_util::future::join_all(listeners.into_iter().map(serve)).await;
}

fn serve_connection<S>(stream: S, routes: Router, slots: &Arc<Semaphore>, stop: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // Beyond the limit a connection is closed without a word.
    let Ok(slot) = Arc::clone(slots).try_acquire_owned() else { return };
    let stop = stop.clone();
    tokio::spawn(async move {
        let service = hyper_util::service::TowerToHyperService::new(routes);
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_headers(64).max_buf_size(64 * 1024);
        let connection = server.serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            _ = connection => {}
            () = stop.cancelled() => {}
        }
        drop(slot);
    });
}
