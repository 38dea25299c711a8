//! `briefcase up` and `briefcase down`

use std::path::PathBuf;

use briefcase_types::SecretString;
use clap::Args;
use serde_json::json;

use super::lock;
use crate::{
    client::is_not_running,
    daemon::{self, Ready, Start},
    failure::Failure,
    page::{Page, Tone, span},
    screen::{Answer, waiting},
    surroundings::Surroundings,
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
    /// Leave the vault closed
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
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        match around.client.peer().await {
            Ok(_) => {
                let next = "Look at it with `briefcase status`; open it with `briefcase unlock`.";
                return Err(Failure::new("already_running", "briefcased is already running.", next));
            }
            Err(failure) if is_not_running(&failure) => {}
            Err(failure) => return Err(failure),
        }
        if !around.paths.state.join("vault.json").exists() {
            let text = format!("There is no briefcase in {}.", around.paths.state.display());
            return Err(Failure::new("not_set_up", text, "Make one with `briefcase setup`."));
        }
        let ready = match &self.key_file {
            _ if self.locked => self.start(around, None).await?,
            Some(path) => self.start(around, Some(&lock::secret_file(path)?)).await?,
            None => lock::with_tries(async |secret| self.start(around, Some(secret)).await).await?,
        };
        Ok(Answer::new(started_page(&ready), &ready))
    }

    async fn start(&self, around: &Surroundings, secret: Option<&SecretString>) -> Result<Ready, Failure> {
        let how = Start { secret, console_port: self.console_port, attached: false };
        waiting("Starting briefcased", daemon::start(around, how)).await.map(|(ready, _)| ready)
    }
}

/// What is shown when the daemon runs.
pub fn started_page(ready: &Ready) -> Page {
    let mut page = Page::new();
    let state = span(&ready.state, if ready.state == "ready" { Tone::Good } else { Tone::Warn });
    page.line([span("✓ ", Tone::Good), "briefcased runs: ".into(), state]);
    page.field("console", span(&ready.console, Tone::Name));
    page.field("process", ready.pid.to_string());
    if ready.state != "ready" {
        page.next("Open it with `briefcase unlock`.");
    }
    page
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
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        let stopped = waiting("Stopping briefcased", daemon::stop(around)).await?;
        let text = if stopped { "briefcased has stopped." } else { "briefcased was not running." };
        Ok(Answer::new(Page::of(text), &json!({ "stopped": stopped })))
    }
}
