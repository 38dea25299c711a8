//! The daemon's status.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::{Problem, Status};
use briefcase_store::Reader;

use super::{clock, count};
use crate::state::AdminState;

/// `GET /v1/status`
pub async fn status(State(admin): State<Arc<AdminState>>) -> Json<Status> {
    let mut status = Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: "locked".to_owned(),
        problem: None,
        clock: Some(clock::status(admin.parts.clock.as_ref())),
        started: admin.parts.started,
        authority_version: 0,
        receipts: 0,
        approvals: 0,
        sessions: 0,
        servers: 0,
        console: Some(format!("http://{}", admin.console_authority())),
    };
    if let Some(briefcase) = admin.parts.lock.current() {
        let authority = briefcase.engine.authority();
        "ready".clone_into(&mut status.state);
        status.authority_version = authority.version();
        status.receipts = briefcase.reader().spawn(Reader::size).await.unwrap_or_default();
        status.approvals = count(briefcase.engine.approvals().pending(briefcase.engine.now()).len());
        status.sessions = count(briefcase.engine.sessions().len());
        status.servers = count(authority.document().servers.len());
        if let Some(problem) = briefcase.store.failure() {
            "failed".clone_into(&mut status.state);
            status.problem = Some(Problem::new("unavailable", problem.to_string(), problem.next_step()));
        }
    }
    Json(status)
}
