//! `briefcase approve` and `briefcase deny`

use std::time::Duration;

use briefcase_types::{ApprovalId, ApprovalRequest};
use clap::{Args, ValueEnum};

use super::approvals::{self, Choice, decide_with_pin, request_output};
use crate::{
    change::with_pin, context::CommandContext, failure::Failure, output::TextOutput, printer::CommandResult,
    terminal::Terminal, time_format,
};

const APPROVE: &str = "\
Examples:
  briefcase approve ID                               this one call
  briefcase approve ID --scope session               the same arguments until the session ends
  briefcase approve ID --scope rule --fixed path --for 7d

The request is shown first, then your PIN is asked for.";

/// Approve a request
#[derive(Debug, Args)]
#[command(after_help = APPROVE)]
pub struct Approve {
    /// The approval request, from `briefcase approvals list`
    id: ApprovalId,
    /// Scope of the approval
    #[arg(long, value_enum, default_value = "once")]
    scope: ScopeArgument,
    /// With --scope rule: an argument that must stay the same (may be repeated)
    #[arg(long, value_name = "ARGUMENT", num_args = 1)]
    fixed: Vec<String>,
    /// With --scope rule: how long it lasts
    #[arg(long = "for", value_name = "DURATION", default_value = "1d", value_parser = time_format::duration)]
    lasts: Duration,
}

/// The scope of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScopeArgument {
    /// This call
    Once,
    /// Exactly these arguments, until the session ends
    Session,
    /// Any arguments of this tool, until the session ends
    SessionTool,
    /// A saved approval that expires
    Rule,
}

impl Approve {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        if self.scope != ScopeArgument::Rule && !self.fixed.is_empty() {
            return Err(Failure::usage("--fixed belongs to --scope rule.", "Add --scope rule, or leave it out."));
        }
        let choice = match self.scope {
            ScopeArgument::Once => Choice::Once,
            ScopeArgument::Session => Choice::SessionExact,
            ScopeArgument::SessionTool => Choice::SessionTool,
            ScopeArgument::Rule => Choice::Rule { fixed: self.fixed, lasts: self.lasts },
        };
        answer(ctx, self.id, choice).await
    }
}

const DENY: &str = "\
Example:
  briefcase deny ID";

/// Deny a request
#[derive(Debug, Args)]
#[command(after_help = DENY)]
pub struct Deny {
    /// The approval request, from `briefcase approvals list`
    id: ApprovalId,
}

impl Deny {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        answer(ctx, self.id, Choice::Deny).await
    }
}

async fn answer(ctx: &CommandContext, id: ApprovalId, choice: Choice) -> Result<CommandResult, Failure> {
    let requests = approvals::open(ctx).await?;
    let request: &ApprovalRequest = requests.iter().find(|request| request.id == id).ok_or_else(|| {
        let next = "List pending approval requests with `briefcase approvals list`.";
        Failure::new("no_such_question", "No pending approval request has this id.", next)
    })?;
    Terminal::open()?.show(&request_output(request, ctx.now()))?;
    let what = format!("to {}", choice.meaning(request));
    let decided = with_pin(ctx, &what, async |pin| decide_with_pin(ctx, request, &choice, pin).await).await?;
    let output = TextOutput::of(format!("{}, recorded as {}", decided.decision, decided.receipt));
    Ok(CommandResult::new(output, &decided))
}
