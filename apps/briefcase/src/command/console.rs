//! `briefcase console`

use clap::Args;
use serde_json::json;
use tokio::process::Command;

use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::CommandResult,
};

const EXAMPLES: &str = "\
Examples:
  briefcase console            opens a browser
  briefcase console --print    prints the address instead

The address works once, for a minute. Viewing needs no sign-in. Approving needs a passkey.";

/// Open the console in a browser
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Console {
    /// Print the one-time address instead of opening it
    #[arg(long)]
    print: bool,
}

impl Console {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let login = ctx.client.console_login().await?;
        if !self.print && !ctx.json && open(&login.url).await {
            return Ok(CommandResult::new(
                TextOutput::of("The console is open in your browser."),
                &json!({ "opened": true }),
            ));
        }
        let mut output = TextOutput::new();
        output.text("Open this within a minute; it works once:").line([span(&login.url, Tone::Name)]);
        Ok(CommandResult::new(output, &json!({ "opened": false, "url": login.url })))
    }
}

/// Opens an address with the desktop's opener, without a shell. Returns whether that worked.
pub async fn open(url: &str) -> bool {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    command.arg(url).stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::null());
    matches!(command.status().await, Ok(status) if status.success())
}
