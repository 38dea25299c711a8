//! `briefcase setup`
//!
//! Invariant: the first factor is enrolled before any agent can connect. The generated key is shown on the person's screen
//! once, and nowhere else.

use briefcase_types::{AgentId, SecretString};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    agent::{gateway, gateway_arguments, snippets},
    backup::new_passphrase,
    daemon::started_output,
    factor::new_pin,
};
use crate::{
    context::CommandContext,
    daemon::{self, DaemonStart},
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{CommandResult, waiting},
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  briefcase setup
  briefcase setup --passphrase --agent claude-code
  briefcase setup --generated-key --i-saved-it > /dev/null

Your vault opens with a generated key (keep it in a password manager) or with a passphrase of your own. You enter a PIN \
to approve requests and change settings: an agent can run commands as you, but it does not know your PIN.";

/// Set up Briefcase: a key for the vault, a PIN for decisions, an agent
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Setup {
    /// Unlock the vault with a generated key
    #[arg(long, conflicts_with = "passphrase")]
    generated_key: bool,
    /// Unlock the vault with your own passphrase
    #[arg(long)]
    passphrase: bool,
    /// Do not ask to confirm the generated key
    #[arg(long)]
    i_saved_it: bool,
    /// Name of the first agent
    #[arg(long, value_name = "NAME", default_value = "default")]
    agent: AgentId,
    /// The console's port on localhost; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    console_port: Option<u16>,
}

/// The output of `briefcased init`.
#[derive(Deserialize)]
pub struct InitResult {
    /// The generated key, if one was wanted.
    pub unlock_key: Option<String>,
}

/// The input of `briefcased init`.
pub struct InitRequest<'a> {
    /// The first factor.
    pub pin: &'a SecretString,
    /// The passphrase of the vault; without one a key is generated.
    pub passphrase: Option<&'a SecretString>,
    /// The first agent.
    pub agent: &'a AgentId,
}

impl Setup {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        require_no_briefcase(ctx).await?;
        let terminal = Terminal::open()?;
        terminal.show(&welcome())?;
        let passphrase = if self.wants_passphrase(&terminal)? {
            Some(new_passphrase(&terminal, "Passphrase, at least 12 characters")?)
        } else {
            None
        };
        terminal
            .show(TextOutput::new().blank().text("You'll enter this PIN to approve requests and change settings."))?;
        let pin = new_pin(&terminal)?;
        let wishes = InitRequest { pin: &pin, passphrase: passphrase.as_ref(), agent: &self.agent };
        let made = waiting("Creating the vault", init(ctx, &wishes)).await?;
        let secret = match (made.unlock_key.map(SecretString::new), passphrase) {
            (Some(key), _) => {
                show_key(&terminal, &key, self.i_saved_it).map_err(|failure| not_saved(failure, ctx))?;
                key
            }
            (None, Some(passphrase)) => passphrase,
            (None, None) => {
                return Err(Failure::new("unavailable", "briefcased created no key.", "Run `briefcase doctor`."));
            }
        };
        let start = DaemonStart { secret: Some(&secret), console_port: self.console_port, attached: false };
        let (ready, _) = waiting("Starting briefcased", daemon::start(ctx, start)).await?;
        let token_file = ctx.paths.token_file(&self.agent);
        let mut output = started_output(&ready);
        output.field("agent", format!("`{}`, its token is in {}", self.agent, token_file.display()));
        output.append(snippets(&gateway(ctx), &gateway_arguments(ctx, &self.agent)));
        output.append(next_steps());
        let json = json!({ "ready": ready, "agent": self.agent, "token_file": token_file });
        Ok(CommandResult::new(output, &json))
    }

    fn wants_passphrase(&self, terminal: &Terminal) -> Result<bool, Failure> {
        if self.passphrase || self.generated_key {
            return Ok(self.passphrase);
        }
        let never = std::sync::atomic::AtomicBool::new(false);
        let prompt = "How do you want to unlock the vault? [g]enerated key (recommended)  [p]assphrase of your own: ";
        Ok(terminal.key(prompt, "gp", &never)? == Some('p'))
    }
}

async fn require_no_briefcase(ctx: &CommandContext) -> Result<(), Failure> {
    match ctx.client.peer().await {
        Ok(_) => {
            let next = "See `briefcase status`.";
            return Err(Failure::new("already_running", "briefcased is already running.", next));
        }
        Err(error) if error.is_not_running() => {}
        Err(error) => return Err(error.into()),
    }
    // Each of these files belongs to a briefcase, whole or in part.
    if ["vault.json", "log-key.sealed", "briefcase.db"].iter().any(|part| ctx.paths.state.join(part).exists()) {
        let text = format!("{} already holds a briefcase, whole or in part.", ctx.paths.state.display());
        return Err(Failure::new(
            "already_set_up",
            text,
            "Start it with `briefcase up`. To start again, move that folder away first.",
        ));
    }
    Ok(())
}

/// Creates a briefcase with the person's choices.
pub async fn init(ctx: &CommandContext, wishes: &InitRequest<'_>) -> Result<InitResult, Failure> {
    let mut input = Zeroizing::new(Vec::with_capacity(16 * 1024));
    let wish = |text: Option<&SecretString>| text.map(|text| text.expose(str::to_owned));
    let body = Zeroizing::new(
        json!({
            "pin": wish(Some(wishes.pin)),
            "passphrase": wish(wishes.passphrase),
            "unlock_key": wishes.passphrase.is_none(),
            "agent": wishes.agent,
        })
        .to_string(),
    );
    input.extend_from_slice(body.as_bytes());
    let printed = Zeroizing::new(daemon::run(ctx, &["init"], &input).await?);
    serde_json::from_slice(&printed).map_err(|_| {
        let next = "Install all programs of one version into one folder.";
        Failure::new("unavailable", "The output of `briefcased init` is invalid.", next)
    })
}

fn welcome() -> TextOutput {
    let mut output = TextOutput::new();
    output.heading("Set up Briefcase");
    output.text("  Secrets stay in a vault on this computer. Agents get tools, never keys.");
    output.text("  Every call except known reads needs your approval, and every call leaves a receipt.").blank();
    output
}

/// Shows the generated key, and asks for its last group unless the person said that it is saved.
fn show_key(terminal: &Terminal, key: &SecretString, saved: bool) -> Result<(), Failure> {
    let mut output = TextOutput::new();
    output.blank().line([span("This key opens your vault. It is shown now and never again:", Tone::Warn)]);
    output.blank().line(["    ".into(), key.expose(|text| span(text, Tone::Strong))]).blank();
    output.text("Save it in a password manager, or write it down. Without it the contents of the vault are lost.");
    terminal.show(&output)?;
    if saved {
        return Ok(());
    }
    loop {
        let typed = terminal.line("Enter the last group to confirm you saved it: ")?;
        let holds = key.expose(|text| text.rsplit('-').next().is_some_and(|last| typed.eq_ignore_ascii_case(last)));
        if holds {
            return Ok(());
        }
        terminal.show(&TextOutput::of(span(
            "This is not the last group (the seven characters after the last dash).",
            Tone::Warn,
        )))?;
    }
}

/// Reports a cancelled confirmation: a briefcase exists whose key may not be saved.
fn not_saved(failure: Failure, ctx: &CommandContext) -> Failure {
    match failure {
        Failure::Cancelled => {
            let next = format!(
                "If you saved the key, start it with `briefcase up`. If not, remove {} and run `briefcase setup` again.",
                ctx.paths.state.display()
            );
            Failure::new("failed", "Setup finished, but the unlock key was not confirmed.", next)
        }
        other => other,
    }
}

fn next_steps() -> TextOutput {
    let mut output = TextOutput::new();
    output.blank().heading("Then:");
    output.line(["  ".into(), span("briefcase server add --help", Tone::Name), "   add an MCP server".into()]);
    output.line([
        "  ".into(),
        span("briefcase approvals --watch", Tone::Name),
        "   approve or deny requests of your agents".into(),
    ]);
    output.line(["  ".into(), span("briefcase console", Tone::Name), "             the same, in a browser".into()]);
    output
}
