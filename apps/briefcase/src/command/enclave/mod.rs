//! `briefcase enclave`

mod check;
mod fetch_profile;
mod report;
mod source;
mod state;
mod verify;
mod watch;

use clap::Subcommand;

use crate::{context::CommandContext, failure::Failure, printer::CommandResult};

const EXAMPLES: &str = "\
Examples:
  briefcase enclave verify https://kms.example.org --policy policy.json
  briefcase enclave verify ./enclave --policy policy.json      a folder, before it is published
  briefcase enclave watch https://kms.example.org --policy policy.json --interval 15m";

/// Verify and watch browser enclaves
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Enclave {
    /// Check everything that an enclave serves against its signed, logged and witnessed release
    Verify(verify::Verify),
    /// Check repeatedly and report changes
    Watch(watch::Watch),
}

impl Enclave {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self {
            Self::Verify(command) => command.run(ctx).await,
            Self::Watch(command) => command.run(ctx).await,
        }
    }
}
