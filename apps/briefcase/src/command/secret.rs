//! `briefcase secret`

use std::path::PathBuf;

use briefcase_api::{Change, SecretView};
use briefcase_types::SecretName;
use clap::{Args, Subcommand};

use super::lock;
use crate::{
    change,
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::CommandResult,
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  briefcase secret set github              asks for the value at the terminal
  briefcase secret set github --file token.txt
  pass github/token | briefcase secret set github --file -
  briefcase secret list
  briefcase secret rm github

A value is never an argument: arguments can be seen by other programs and stay in the shell's history.
There is no command that shows a secret.";

/// Manage secrets in the vault; no command shows a value
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Secret {
    /// Add or replace a secret
    #[command(after_help = EXAMPLES)]
    Set(Set),
    /// List names; never values
    #[command(after_help = EXAMPLES)]
    List,
    /// Remove a secret
    #[command(after_help = EXAMPLES)]
    Rm(Name),
}

/// A secret by name.
#[derive(Debug, Args)]
pub struct Name {
    /// The secret: 1 to 32 of a-z, 0-9 and -
    name: SecretName,
}

/// A secret and the source of its value.
#[derive(Debug, Args)]
pub struct Set {
    /// The secret: 1 to 32 of a-z, 0-9 and -
    name: SecretName,
    /// Read the value from a file; `-` is stdin
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
}

impl Secret {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self {
            Self::Set(Set { name, file }) => {
                let value = match file {
                    Some(path) => lock::secret_file(&path)?,
                    None => Terminal::open()?.secret(&format!("Value of `{name}` (not shown): "))?,
                };
                if value.expose(|text| text.trim().is_empty()) {
                    return Err(Failure::usage("The value is empty.", "Type it, or give a file with --file."));
                }
                // The daemon would refuse it only after the PIN.
                if value.expose(|text| text.len() > 64 * 1024 || text.chars().any(char::is_control)) {
                    let text = "A secret is 1 byte to 64 KiB of text without control characters.";
                    return Err(Failure::usage(text, "Check for line breaks and tabs in the value."));
                }
                let value = value.expose(str::to_owned);
                let applied = change::confirm(ctx, Change::SetSecret { name: name.clone(), value }).await?;
                Ok(change::answer(&format!("Secret `{name}` is in the vault."), &applied))
            }
            Self::List => {
                let secrets = ctx.client.secrets().await?;
                Ok(CommandResult::new(list(&secrets), &secrets))
            }
            Self::Rm(Name { name }) => {
                let applied = change::confirm(ctx, Change::RemoveSecret { name: name.clone() }).await?;
                Ok(change::answer(&format!("Secret `{name}` removed."), &applied))
            }
        }
    }
}

fn list(secrets: &[SecretView]) -> TextOutput {
    let mut output = TextOutput::new();
    if secrets.is_empty() {
        output.text("No secrets.").next("Put one in with `briefcase secret set NAME`.");
        return output;
    }
    let row = |secret: &SecretView| {
        let users: Vec<&str> = secret.used_by.iter().map(briefcase_types::ServerId::as_str).collect();
        vec![span(secret.name.as_str(), Tone::Name), secret.version.to_string().into(), users.join(", ").into()]
    };
    output.table(&["SECRET", "VERSION", "USED BY"], secrets.iter().map(row).collect());
    output
}
