//! `briefcase up` and `briefcase down`

use std::path::PathBuf;

use briefcase_types::SecretString;
use clap::Args;
use serde_json::json;

use super::lock;
use crate::{
    context::CommandContext,
    daemon::{self, DaemonReady, DaemonStart},
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{CommandResult, waiting},
};

const UP: &str = "\
Examples:
  briefcase up                    asks for the passphrase or unlock key
  briefcase up --locked           start without opening the vault
  briefcase up --key-file KEY     for machines without a person";

/// Start briefcased
#[derive(Debug, Args)]
#[command(after_help = UP)]
pub struct Up {
    /// Start locked
    #[arg(long, conflicts_with = "key_file")]
    locked: bool,
    /// File with the unlock key or passphrase; `-` is stdin
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
    /// The console's port on localhost; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    console_port: Option<u16>,
}

impl Up {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match ctx.client.peer().await {
            Ok(_) => {
                let next = "See `briefcase status`; unlock it with `briefcase unlock`.";
                return Err(Failure::new("already_running", "briefcased is already running.", next));
            }
            Err(error) if error.is_not_running() => {}
            Err(error) => return Err(error.into()),
        }
        if !ctx.paths.state.join("vault.json").exists() {
            let text = format!("{} holds no briefcase.", ctx.paths.state.display());
            return Err(Failure::new("not_set_up", text, "Run `briefcase setup`."));
        }
        let ready = match &self.key_file {
            _ if self.locked => self.start(ctx, None).await?,
            Some(path) => self.start(ctx, Some(&lock::secret_file(path)?)).await?,
            None => lock::with_tries(async |secret| self.start(ctx, Some(secret)).await).await?,
        };
        Ok(CommandResult::new(started_output(&ready), &ready))
    }

    async fn start(&self, ctx: &CommandContext, secret: Option<&SecretString>) -> Result<DaemonReady, Failure> {
        let start = DaemonStart { secret, console_port: self.console_port, attached: false };
        waiting("Starting briefcased", daemon::start(ctx, start)).await.map(|(ready, _)| ready)
    }
}

/// The output after a start.
pub fn started_output(ready: &DaemonReady) -> TextOutput {
    let mut output = TextOutput::new();
    let state = span(&ready.state, if ready.state == "ready" { Tone::Good } else { Tone::Warn });
    output.line([span("✓ ", Tone::Good), "briefcased is running: ".into(), state]);
    output.field("console", span(&ready.console, Tone::Name));
    output.field("PID", ready.pid.to_string());
    if ready.state != "ready" {
        output.next("Unlock it with `briefcase unlock`.");
    }
    output
}

const DOWN: &str = "\
Example:
  briefcase down

Calls in flight are finished or refused, the record is written out, and the vault is closed.";

/// Stop briefcased
#[derive(Debug, Args)]
#[command(after_help = DOWN)]
pub struct Down {}

impl Down {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let stopped = waiting("Stopping briefcased", ctx.client.stop_daemon()).await?;
        let text = if stopped { "briefcased has stopped." } else { "briefcased was not running." };
        Ok(CommandResult::new(TextOutput::of(text), &json!({ "stopped": stopped })))
    }
}
