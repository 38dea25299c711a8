//! `briefcase approvals`: what agents ask for, and a person's answer.

mod answer;
mod live;
mod question;

pub use answer::{Choice, decide_with_pin};
use briefcase_types::ApprovalRequest;
use clap::{Args, Subcommand};
pub use live::insist;
pub use question::output as question_output;

use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::CommandResult,
    time_format,
};

const EXAMPLES: &str = "\
Examples:
  briefcase approvals             go through the open questions
  briefcase approvals --watch     stay, and show each question as it comes
  briefcase approvals list --json
  briefcase approve ID            answer one by its id
  briefcase deny ID

Each question shows the exact arguments that will run. Your PIN is asked for each answer; it cannot be piped in.";

/// Review approval requests
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Approvals {
    /// Stay, and show each question as it comes
    #[arg(long)]
    watch: bool,
    #[command(subcommand)]
    command: Option<What>,
}

/// What else can be done.
#[derive(Clone, Copy, Debug, Subcommand)]
enum What {
    /// List open questions
    #[command(after_help = EXAMPLES)]
    List,
}

impl Approvals {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self.command {
            Some(What::List) => {
                let questions = open(ctx).await?;
                Ok(CommandResult::new(list(&questions, ctx), &questions))
            }
            None if ctx.json => {
                let next = "Use `briefcase approvals list --json`, then `briefcase approve ID` or `briefcase deny ID`.";
                Err(Failure::usage("Deciding approval requests interactively needs a terminal.", next))
            }
            None => live::run(ctx, self.watch).await,
        }
    }
}

/// The open questions.
pub async fn open(ctx: &CommandContext) -> Result<Vec<ApprovalRequest>, Failure> {
    Ok(ctx.client.approvals().await?)
}

fn list(questions: &[ApprovalRequest], ctx: &CommandContext) -> TextOutput {
    let now = ctx.now();
    let mut output = TextOutput::new();
    if questions.is_empty() {
        output.text("No pending approvals.");
        return output;
    }
    let row = |question: &ApprovalRequest| {
        vec![
            span(question.id.to_string(), Tone::Name),
            question.agent.as_str().into(),
            format!("{}/{}", question.server, question.name).into(),
            span(&question.risk, Tone::Warn),
            time_format::relative(question.expires, now).into(),
        ]
    };
    output.table(&["ID", "AGENT", "WANTS", "RISK", "EXPIRES"], questions.iter().map(row).collect());
    output.next("Decide them with `briefcase approvals`.");
    output
}
