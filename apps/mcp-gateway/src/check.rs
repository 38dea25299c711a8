//! `mcp-gateway --check`: whether this environment leads to the daemon.

use std::{io::Write as _, path::Path};

use serde::Serialize;

use crate::{
    daemon::{DaemonEndpoint, Unavailable},
    options::GatewaySettings,
};

/// The report on standard output: one line of JSON.
#[derive(Serialize)]
struct Report<'a> {
    socket: &'a Path,
    token_file: &'a Path,
    /// The reason that no connection was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a Unavailable>,
}

/// The gateway cannot reach the daemon. The report says why.
#[derive(Debug, thiserror::Error)]
#[error("{message} {next_step}")]
struct NotConnected {
    message: String,
    next_step: String,
}

/// Connects once, prints the report, and fails without a connection.
pub(crate) async fn run(settings: &GatewaySettings) -> Result<(), Box<dyn std::error::Error>> {
    let connected = DaemonEndpoint::at(settings.socket.clone()).connect_with(&settings.token_file).await;
    let problem = connected.err();
    let report = Report { socket: &settings.socket, token_file: &settings.token_file, problem: problem.as_ref() };
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?)?;
    problem.map_or(Ok(()), |Unavailable { message, next_step, .. }| Err(NotConnected { message, next_step }.into()))
}
