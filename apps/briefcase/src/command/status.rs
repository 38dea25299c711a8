//! `briefcase status`

use briefcase_api::Status as View;
use briefcase_types::UnixMillis;
use clap::Args;

use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{CommandResult, problem_output},
    time_format,
};

const EXAMPLES: &str = "\
Examples:
  briefcase status
  briefcase status --json | jq -r .state";

/// Show status
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Status {}

impl Status {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let status = ctx.client.status().await?;
        Ok(answer(&status, ctx.now()))
    }
}

/// The daemon's status as a result.
pub fn answer(status: &View, now: UnixMillis) -> CommandResult {
    CommandResult::new(output(status, now), status).negative(status.state == "failed")
}

fn output(status: &View, now: UnixMillis) -> TextOutput {
    let mut output = TextOutput::new();
    let tone = match status.state.as_str() {
        "ready" => Tone::Good,
        "locked" => Tone::Warn,
        _ => Tone::Bad,
    };
    output.line([span("Briefcase ", Tone::Strong), span(&status.state, tone)]);
    output.field("version", status.version.as_str());
    output.field("started", time_format::relative(status.started, now));
    if let Some(console) = &status.console {
        output.field("console", span(console, Tone::Name));
    }
    if status.state != "locked" {
        output.field("authority", format!("version {}", status.authority_version));
        output.field("servers", status.servers.to_string());
        output.field("sessions", status.sessions.to_string());
        output.field("receipts", status.receipts.to_string());
        let open = span(status.approvals.to_string(), if status.approvals > 0 { Tone::Warn } else { Tone::Plain });
        output.field("approvals", open);
    }
    if let Some(problem) = &status.problem {
        output.append(problem_output(problem));
    }
    if let Some(problem) = status.clock.as_ref().and_then(|clock| clock.problem.as_ref()) {
        output.append(problem_output(problem));
    }
    match (status.state.as_str(), status.approvals) {
        ("locked", _) => output.next("Unlock it with `briefcase unlock`."),
        (_, 1..) => output.next("Decide them with `briefcase approvals`."),
        _ => &mut output,
    };
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_briefcase_says_how_to_open_it() {
        let status = View {
            version: "0.1.0".into(),
            state: "locked".into(),
            problem: None,
            clock: None,
            started: UnixMillis(0),
            authority_version: 0,
            receipts: 0,
            approvals: 0,
            sessions: 0,
            servers: 0,
            console: Some("http://localhost:4483".into()),
        };
        insta::assert_snapshot!(output(&status, UnixMillis(600_000)).render(false));
        let ready = View { state: "ready".into(), approvals: 2, receipts: 1042, servers: 1, ..status };
        insta::assert_snapshot!(output(&ready, UnixMillis(600_000)).render(false));
    }
}
