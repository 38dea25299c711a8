//! `briefcase factor`

use std::time::Duration;

use briefcase_api::{Change, FactorView, PasskeyOfferView};
use briefcase_types::SecretString;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::console;
use crate::{
    change,
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::CommandResult,
    terminal::Terminal,
    time_format,
};

const EXAMPLES: &str = "\
Examples:
  briefcase factor list
  briefcase factor add passkey --label 'this laptop'   created in the browser, confirmed here
  briefcase factor add pin                             change the PIN
  briefcase factor remove ID

An authentication method proves that you are present. Adding or removing one needs another; the last cannot be removed.";

/// The time for creating a passkey in the browser.
const PASSKEY_MAX: Duration = Duration::from_secs(240);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Manage authentication methods: PIN and passkeys
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Factor {
    /// List authentication methods
    #[command(after_help = EXAMPLES)]
    List,
    /// Add a passkey, or change the PIN
    #[command(subcommand, after_help = EXAMPLES)]
    Add(Add),
    /// Remove an authentication method
    #[command(after_help = EXAMPLES)]
    Remove(Remove),
}

/// The kind of factor to add.
#[derive(Debug, Subcommand)]
pub enum Add {
    /// Choose a new PIN
    #[command(after_help = EXAMPLES)]
    Pin,
    /// Add a passkey from this computer's browser
    #[command(after_help = EXAMPLES)]
    Passkey(Passkey),
}

/// A passkey and its label.
#[derive(Debug, Args)]
pub struct Passkey {
    /// A name for you
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// Print the address instead of opening a browser
    #[arg(long)]
    print: bool,
}

/// A factor by id.
#[derive(Debug, Args)]
pub struct Remove {
    /// Its id, from `briefcase factor list`
    id: String,
}

impl Factor {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self {
            Self::List => {
                let factors = ctx.client.factors().await?;
                Ok(CommandResult::new(list(&factors, ctx), &factors))
            }
            Self::Add(Add::Pin) => {
                let pin = new_pin(&Terminal::open()?)?;
                let change = Change::SetPin { pin: pin.expose(str::to_owned) };
                let applied = change::confirm(ctx, change).await?;
                Ok(change::answer("The new PIN is in force.", &applied))
            }
            Self::Add(Add::Passkey(passkey)) => add_passkey(ctx, passkey).await,
            Self::Remove(Remove { id }) => {
                let applied = change::confirm(ctx, Change::RemoveFactor { id }).await?;
                Ok(change::answer("Authentication method removed.", &applied))
            }
        }
    }
}

/// Asks for a new PIN, twice.
pub fn new_pin(terminal: &Terminal) -> Result<SecretString, Failure> {
    loop {
        let first = terminal.secret("New PIN, at least 6 characters (empty to cancel): ")?;
        if first.expose(str::is_empty) {
            return Err(Failure::Cancelled);
        }
        let wrong = if first.expose(|pin| pin.chars().count() < 6) {
            "Too short."
        } else {
            let second = terminal.secret("Confirm: ")?;
            if first.expose(|first| second.expose(|second| first == second)) {
                return Ok(first);
            }
            "The entries do not match."
        };
        terminal.show(&TextOutput::of(span(wrong, Tone::Warn)))?;
    }
}

async fn add_passkey(ctx: &CommandContext, passkey: Passkey) -> Result<CommandResult, Failure> {
    let terminal = Terminal::open()?;
    let login = ctx.client.console_login().await?;
    let url = enrolment_address(&login.url);
    if passkey.print || !console::open(&url).await {
        let mut output = TextOutput::of("Open this within a minute; it works once:");
        output.line([span(&url, Tone::Name)]);
        terminal.show(&output)?;
    }
    terminal.show(&TextOutput::of("Create the passkey in the browser, then confirm it here."))?;
    let offered = tokio::time::timeout(PASSKEY_MAX, async {
        loop {
            if let Some(offer) = ctx.client.passkey_offer().await? {
                return Ok::<PasskeyOfferView, Failure>(offer);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    });
    let late = |_| Failure::new("failed", "No passkey came from the browser.", "Run this again.");
    let offer = crate::printer::waiting("Waiting for the browser", offered).await.map_err(late)??;
    let label = passkey.label.unwrap_or(offer.label);
    let code = offer.code;
    terminal.show(&TextOutput::of(format!("The browser offers the passkey `{label}`, code {code}.")))?;
    terminal.show(&TextOutput::of(
        "Continue only if the browser shows the same code: another program could have offered its own.",
    ))?;
    let applied = change::confirm(ctx, Change::AddPasskey { label, credential: Value::Null }).await?;
    Ok(change::answer("The passkey can now approve requests in the console.", &applied))
}

/// The address of the console's page for factors, with the one-time code.
fn enrolment_address(url: &str) -> String {
    match url.split_once("/#") {
        Some((origin, code)) => format!("{origin}/security?enrol#{code}"),
        None => url.to_owned(),
    }
}

fn list(factors: &[FactorView], ctx: &CommandContext) -> TextOutput {
    let now = ctx.now();
    let mut output = TextOutput::new();
    let row = |factor: &FactorView| {
        vec![
            span(&factor.id, Tone::Name),
            factor.kind.as_str().into(),
            factor.label.as_str().into(),
            time_format::relative(factor.created, now).into(),
        ]
    };
    output.table(&["ID", "KIND", "NAME", "ADDED"], factors.iter().map(row).collect());
    if !factors.iter().any(|factor| factor.kind == "passkey") {
        output.next("A passkey lets you answer in the console: `briefcase factor add passkey`.");
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_stays_in_the_fragment() {
        let url = enrolment_address("http://localhost:4483/#code=abc");
        assert_eq!(url, "http://localhost:4483/security?enrol#code=abc");
    }
}
