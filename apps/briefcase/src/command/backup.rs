//! `briefcase backup` and `briefcase restore`

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use briefcase_admin_client::{UnlockBody, pin_evidence};
use briefcase_types::SecretString;
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    change::with_pin,
    context::CommandContext,
    daemon,
    failure::Failure,
    output::TextOutput,
    printer::{CommandResult, waiting},
    terminal::Terminal,
};

const BACKUP: &str = "\
Example:
  briefcase backup ~/briefcase-2026-11-21.bak

The archive holds everything: record, secrets, rules. It is sealed with a passphrase of its own, which is asked for.";

/// Write a sealed backup of everything
#[derive(Debug, Args)]
#[command(after_help = BACKUP)]
pub struct Backup {
    /// The archive; it must not exist yet
    file: PathBuf,
}

impl Backup {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let path = &self.file;
        let mut options = std::fs::File::options();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(path).map_err(|error| Failure::file(path, &error))?;
        let written = write(ctx, &mut file).await;
        match written {
            Ok(bytes) => {
                let output = TextOutput::of(format!("The backup is in {} ({bytes} bytes).", path.display()));
                Ok(CommandResult::new(output, &json!({ "file": path, "bytes": bytes })))
            }
            Err(failure) => {
                let _ = std::fs::remove_file(path);
                Err(failure)
            }
        }
    }
}

async fn write(ctx: &CommandContext, file: &mut std::fs::File) -> Result<u64, Failure> {
    let passphrase = new_passphrase(&Terminal::open()?, "Passphrase for the backup, at least 12 characters")?;
    let mut body = with_pin(ctx, "to make a backup", async |pin| {
        Ok(waiting("Sealing", ctx.client.backup(&passphrase, pin_evidence(pin))).await?)
    })
    .await?;
    let mut total = 0_u64;
    let early = |error| Failure::new("unavailable", format!("The backup stopped early: {error}."), "Run it again.");
    while let Some(chunk) = body.chunk().await.map_err(early)? {
        file.write_all(&chunk)?;
        total = total.saturating_add(u64::try_from(chunk.len()).unwrap_or_default());
    }
    file.sync_all()?;
    Ok(total)
}

/// Asks for a new passphrase, twice.
pub fn new_passphrase(terminal: &Terminal, prompt: &str) -> Result<SecretString, Failure> {
    loop {
        let first = terminal.secret(&format!("{prompt} (empty to cancel): "))?;
        if first.expose(str::is_empty) {
            return Err(Failure::Cancelled);
        }
        let wrong = if first.expose(|text| text.chars().count() < 12) {
            "Too short: use several words."
        } else {
            let second = terminal.secret("Confirm: ")?;
            if first.expose(|first| second.expose(|second| first == second)) {
                return Ok(first);
            }
            "The entries do not match."
        };
        terminal.show(&TextOutput::of(wrong))?;
    }
}

const RESTORE: &str = "\
Example:
  briefcase restore ~/briefcase-2026-11-21.bak

Needs a stopped daemon, and a state folder that is not there yet. Grants, approvals and sessions from before are void.";

/// Restore a backup to a new installation
#[derive(Debug, Args)]
#[command(after_help = RESTORE)]
pub struct Restore {
    /// The archive
    file: PathBuf,
}

impl Restore {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match ctx.client.peer().await {
            Err(error) if error.is_not_running() => {}
            _ => {
                let next = "Stop it with `briefcase down`, and move the state folder away.";
                return Err(Failure::new("already_running", "briefcased is running.", next));
            }
        }
        let path = self.file.to_str().ok_or_else(|| Failure::usage("The path is not UTF-8.", "Move the file."))?;
        std::fs::metadata(&self.file).map_err(|error| Failure::file(&self.file, &error))?;
        let terminal = Terminal::open()?;
        let archive = terminal.secret("Passphrase of the backup: ")?;
        let vault = terminal.secret("Passphrase or unlock key of the vault in the backup: ")?;
        let input = Zeroizing::new(restore_line(&archive, &vault).into_bytes());
        let printed = waiting("Restoring", daemon::run(ctx, &["restore", path], &input)).await?;
        let result: serde_json::Value =
            serde_json::from_slice(&printed).unwrap_or_else(|_| json!({ "restored": true }));
        let mut output =
            TextOutput::of("The backup is restored. Earlier approvals, grants and agent credentials are void.");
        output.next("Start it with `briefcase up`.");
        let void = result.get("agents_to_renew").and_then(serde_json::Value::as_array);
        for agent in void.into_iter().flatten().filter_map(serde_json::Value::as_str) {
            output.next(format!("Give it a new credential if you still want it: `briefcase agent add {agent}`."));
        }
        Ok(CommandResult::new(output, &result))
    }
}

/// The input line of `briefcased restore`.
fn restore_line(archive: &SecretString, vault: &SecretString) -> String {
    let key = UnlockBody::of(vault);
    archive.expose(|archive| json!({ "passphrase": archive, "vault": key.contract() }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restoring_tells_the_archive_from_the_vault() {
        let secret = |text: &str| SecretString::new(text.to_owned());
        let line = restore_line(&secret("archive words"), &secret("BRIEFCASE-AAAAAAA"));
        assert_eq!(line, r#"{"passphrase":"archive words","vault":{"unlock_key":"BRIEFCASE-AAAAAAA"}}"#);
    }
}
