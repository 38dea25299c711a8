//! Whether clients reach the daemon. A client may start the gateway with an environment of a few variables, or of none.

use std::{process::Stdio, time::Duration};

use briefcase_api::{Check, Severity};
use briefcase_types::AgentId;
use serde::Deserialize;
use tokio::process::Command;

use super::check as made;
use crate::{command::agent::gateway_arguments, context::CommandContext};

const TIMEOUT: Duration = Duration::from_secs(15);

/// The gateway's own report.
#[derive(Deserialize)]
struct Report {
    socket: String,
    problem: Option<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    message: String,
}

/// Starts the gateway with an empty environment and the arguments that `client add` writes. Returns nothing without
/// agents, or without a daemon: other checks report that.
pub async fn check(ctx: &CommandContext) -> Option<Check> {
    let agents = ctx.client.agents().await.ok()?;
    let agent = agents.iter().map(|agent| &agent.name).find(|name| ctx.paths.token_file(name).is_file())?;
    let bare = vec!["--agent".to_owned(), agent.to_string()];
    let full = gateway_arguments(ctx, agent);
    let found = report(ctx, &bare).await;
    if let Some(Report { socket, problem: None }) = &found {
        let message = format!("A client that passes no environment on finds briefcased at {socket}.");
        return Some(made("gateway", Severity::Ok, &message, None));
    }
    if bare != full && report(ctx, &full).await.is_some_and(|report| report.problem.is_none()) {
        let message = "A client that passes no environment on finds briefcased only with its folders as arguments.";
        let next = format!("Use these arguments in your clients: {}.", full.join(" "));
        return Some(made("gateway", Severity::Warn, message, Some(&next)));
    }
    Some(made("gateway", Severity::Fail, &unreached(agent, found), Some("Run `briefcase down` and `briefcase up`.")))
}

fn unreached(agent: &AgentId, found: Option<Report>) -> String {
    let reason = found
        .and_then(|report| report.problem)
        .map_or_else(|| "it printed no report".to_owned(), |problem| problem.message.trim_end_matches('.').to_owned());
    format!("With an empty environment, mcp-gateway does not reach briefcased for agent `{agent}`: {reason}.")
}

async fn report(ctx: &CommandContext, arguments: &[String]) -> Option<Report> {
    let mut gateway = Command::new(ctx.program("mcp-gateway").ok()?);
    gateway.env_clear().arg("--check").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(TIMEOUT, gateway.output()).await.ok()?.ok()?;
    serde_json::from_slice(&output.stdout).ok()
}
