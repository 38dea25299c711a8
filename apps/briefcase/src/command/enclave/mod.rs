//! `briefcase enclave`

mod check;
mod guise;
mod report;
mod source;
mod state;
mod verify;
mod watch;

use clap::Subcommand;

use crate::{failure::Failure, screen::Answer, surroundings::Surroundings};

const EXAMPLES: &str = "\
Examples:
  briefcase enclave verify https://kms.example.org --policy policy.json
  briefcase enclave verify ./enclave --policy policy.json      a folder, before it is published
  briefcase enclave watch https://kms.example.org --policy policy.json --interval 15m";

/// Browser enclaves: is what is served a release?
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Enclave {
    /// Check everything that an enclave serves against its signed, logged and witnessed release
    Verify(verify::Verify),
    /// Check again and again, and tell what changed
    Watch(watch::Watch),
}

impl Enclave {
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        match self {
            Self::Verify(command) => command.run(around).await,
            Self::Watch(command) => command.run(around).await,
        }
    }
}
