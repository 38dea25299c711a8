//! `briefcase enclave`: the arguments of the auditor, `briefcase-enclave`, which this command starts.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use crate::{context::CommandContext, failure::Failure, forward, printer::CommandResult, time_format};

const EXAMPLES: &str = "\
Examples:
  briefcase enclave verify https://kms.example.org --policy policy.json
  briefcase enclave verify ./enclave --policy policy.json      a folder, before it is published
  briefcase enclave watch https://kms.example.org --policy policy.json --interval 15m";

const VERIFY: &str = "\
Examples:
  briefcase enclave verify https://kms.example.org --policy policy.json
  briefcase enclave verify ./enclave --policy policy.json      a folder, before it is published
  briefcase enclave verify https://kms.example.org --pin 5f3c…  the module that you built yourself

Every file is requested as each browser requests it, and as plain clients do, so a server that serves auditors other \
files is detected. Exit code 1 when a check failed, 10 when the enclave could not be reached.";

const WATCH: &str = "\
Examples:
  briefcase enclave watch https://kms.example.org --policy policy.json
  briefcase enclave watch https://kms.example.org --policy policy.json --once --state kms.json   in CI

It stores the newest release that it saw, and so detects a rollback, another history of the log, and every change. \
With --json each check is one line. With --once the exit code is 1 when a check failed, 10 when it could not be reached.";

/// Verify and watch browser enclaves
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Enclave {
    /// Check everything that an enclave serves against its signed, logged and witnessed release
    Verify(Verify),
    /// Check repeatedly and report changes
    Watch(Watch),
}

/// Check everything that an enclave serves against its signed, logged and witnessed release
#[derive(Debug, Args)]
#[command(after_help = VERIFY)]
pub struct Verify {
    /// The enclave's address, or a folder with its files
    #[arg(value_name = "URL|DIR")]
    pub enclave: String,
    #[command(flatten)]
    pub trust: TrustArguments,
    /// State file of `watch`: an older release is refused
    #[arg(long, value_name = "FILE")]
    pub known: Option<PathBuf>,
}

/// Check repeatedly and report changes
#[derive(Debug, Args)]
#[command(after_help = WATCH)]
pub struct Watch {
    /// The enclave's address, or a folder with its files
    #[arg(value_name = "URL|DIR")]
    pub enclave: String,
    #[command(flatten)]
    pub trust: TrustArguments,
    /// Time between two checks
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = time_format::duration)]
    pub interval: Duration,
    /// Check once, then exit
    #[arg(long)]
    pub once: bool,
    /// File for the last state; default: in the state folder
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// The arguments that name the trust anchor.
#[derive(Clone, Debug, Args)]
pub struct TrustArguments {
    /// Who signs, which log, which witnesses (form briefcase/release-policy@1)
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Instead of a policy: the digest of the one module that may be served
    #[arg(long, value_name = "SHA256", conflicts_with = "policy")]
    pub pin: Option<String>,
}

impl Enclave {
    /// Becomes the auditor. It parses the same arguments again.
    pub fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        Err(forward::replace_process(ctx, "briefcase-enclave", "enclave"))
    }
}
