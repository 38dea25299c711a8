//! `briefcase clock`

use briefcase_api::{Change, ClockStatus};
use clap::{Args, Subcommand};

use crate::{
    change,
    context::CommandContext,
    failure::Failure,
    output::TextOutput,
    printer::{CommandResult, problem_output},
};

const EXAMPLES: &str = "\
Examples:
  briefcase clock show
  briefcase clock accept

The record's time continues from its newest entry, so a clock that was ahead once makes later times wrong.
Accepting the computer's clock ends saved approvals early rather than late, and open requests expire.";

/// Compare the record's time with the computer's clock
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Clock {
    /// Show both times
    #[command(after_help = EXAMPLES)]
    Show,
    /// Continue from the computer's clock, even when that is earlier
    #[command(after_help = EXAMPLES)]
    Accept(Accept),
}

/// The acceptance of the computer's clock.
#[derive(Debug, Args)]
pub struct Accept {}

impl Clock {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let status = ctx.client.status().await?;
        let clock = status.clock.ok_or_else(|| {
            let next = "Restart it: `briefcase down`, then `briefcase up`.";
            Failure::new("unavailable", "The running briefcased is older than this program.", next)
        })?;
        match self {
            Self::Show => Ok(CommandResult::new(output(&clock), &clock)),
            Self::Accept(Accept {}) => {
                let applied = change::confirm(ctx, Change::AcceptClock { time: clock.computer }).await?;
                Ok(change::answer("Clock accepted.", &applied))
            }
        }
    }
}

fn output(clock: &ClockStatus) -> TextOutput {
    let mut output = TextOutput::new();
    output.field("record", clock.now.utc());
    output.field("computer", clock.computer.utc());
    if let Some(problem) = &clock.problem {
        output.append(problem_output(problem));
    }
    output
}
