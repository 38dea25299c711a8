//! `briefcase approvals`: approval requests and a person's decisions.

mod decision;
mod live;
mod request;

use briefcase_types::ApprovalRequest;
use clap::{Args, Subcommand};
pub use decision::{Choice, decide_with_pin};
pub use live::decide_interactively;
pub use request::output as request_output;

use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::CommandResult,
    time_format,
};

const EXAMPLES: &str = "\
Examples:
  briefcase approvals             go through the pending requests
  briefcase approvals --watch     wait, and show each request as it arrives
  briefcase approvals list --json
  briefcase approve ID            decide one by its id
  briefcase deny ID

Each request shows the exact arguments that will run. Each decision needs your PIN, which cannot be piped in.";

/// Review approval requests
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Approvals {
    /// Wait, and show each request as it arrives
    #[arg(long)]
    watch: bool,
    #[command(subcommand)]
    command: Option<ApprovalsCommand>,
}

/// The other commands.
#[derive(Clone, Copy, Debug, Subcommand)]
enum ApprovalsCommand {
    /// List pending requests
    #[command(after_help = EXAMPLES)]
    List,
}

impl Approvals {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self.command {
            Some(ApprovalsCommand::List) => {
                let requests = open(ctx).await?;
                Ok(CommandResult::new(list(&requests, ctx), &requests))
            }
            None if ctx.json => {
                let next = "Use `briefcase approvals list --json`, then `briefcase approve ID` or `briefcase deny ID`.";
                Err(Failure::usage("Deciding approval requests interactively needs a terminal.", next))
            }
            None => live::run(ctx, self.watch).await,
        }
    }
}

/// The pending approval requests.
pub async fn open(ctx: &CommandContext) -> Result<Vec<ApprovalRequest>, Failure> {
    Ok(ctx.client.approvals().await?)
}

fn list(requests: &[ApprovalRequest], ctx: &CommandContext) -> TextOutput {
    let now = ctx.now();
    let mut output = TextOutput::new();
    if requests.is_empty() {
        output.text("No pending approvals.");
        return output;
    }
    let row = |request: &ApprovalRequest| {
        vec![
            span(request.id.to_string(), Tone::Name),
            request.agent.as_str().into(),
            format!("{}/{}", request.server, request.name).into(),
            span(&request.risk, Tone::Warn),
            time_format::relative(request.expires, now).into(),
        ]
    };
    output.table(&["ID", "AGENT", "WANTS", "RISK", "EXPIRES"], requests.iter().map(row).collect());
    output.next("Decide them with `briefcase approvals`.");
    output
}
