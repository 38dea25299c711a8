//! `briefcase demo`: the main job, in a home that exists only for it.
//!
//! Invariant: everything is real. The programs, the third-party server, the rules, the factor and the record are those that
//! people use; the only thing that is made up is the home, and it is gone afterwards. Where no person is there, the demo
//! plays the person with the PIN that it chose for this home, through the same check as everybody.

mod agent;
mod home;
mod narrator;
mod story;
mod tamper;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use self::{home::Home, narrator::Narrator, story::Story};
use crate::{context::CommandContext, failure::Failure, printer::CommandResult, terminal::Terminal};

const EXAMPLES: &str = "\
Examples:
  briefcase demo                      you answer the question, with a PIN you choose for the demo
  briefcase demo --non-interactive    nobody has to be there
  briefcase demo -- node server-filesystem/dist/index.js
                                      another file server; the folder to serve is put behind it

Nothing of yours is touched: it works in a temporary folder, which is removed at the end.";

/// The server that is used when none is named.
const SERVER: [&str; 3] = ["npx", "-y", "@modelcontextprotocol/server-filesystem@2026.8.31"];

/// Run the main job in a temporary directory: allowed, denied, approved, proved
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Demo {
    /// Decide automatically, with a PIN made for the temporary directory
    #[arg(long)]
    non_interactive: bool,
    /// Command of the MCP file server, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    server: Vec<String>,
}

impl Demo {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let alone = self.non_interactive || ctx.json;
        if !alone {
            Terminal::open().map_err(|_| {
                let next = "Run it in a terminal, or use `briefcase demo --non-interactive`.";
                Failure::new("no_terminal", "No terminal is available for your decision.", next)
            })?;
        }
        let server = if self.server.is_empty() { SERVER.map(str::to_owned).to_vec() } else { self.server };
        let mut home = Home::new(ctx)?;
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let told = tokio::select! {
            told = Story::new(&mut home, Narrator::new(ctx.json), alone).tell(server) => told,
            _ = interrupt.recv() => Err(Failure::Cancelled),
            _ = terminate.recv() => Err(Failure::Cancelled),
        };
        let ended = home.end().await;
        let answer = told?;
        ended.map(|()| answer)
    }
}
