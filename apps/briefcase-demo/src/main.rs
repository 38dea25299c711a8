//! `briefcase-demo`: the main job, in a home that exists only for it. `briefcase demo` and `./x demo` start it.
//!
//! It is a program of its own so that the command line ships no show. It drives the library of the CLI, so every step is
//! the step of a command.
//!
//! Invariant: everything but the home is real: the programs, the third-party server, the rules, the factor and the record.
//! The home is removed at the end. Without a person the demo decides itself, with the PIN that it chose for this home,
//! through the same check.

mod agent;
mod home;
mod narrator;
mod story;
mod tamper;

use std::process::ExitCode;

use briefcase::{
    command::demo::Demo, context::CommandContext, failure::Failure, printer::CommandResult, program, terminal::Terminal,
};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use self::{home::DemoHome, narrator::Narrator, story::Story};

/// The server that is used when the command line names none.
const SERVER: [&str; 3] = ["npx", "-y", "@modelcontextprotocol/server-filesystem@2026.8.31"];

#[derive(Debug, Parser)]
#[command(name = "briefcase-demo", version)]
struct Cli {
    /// Print one JSON document on stdout, and errors as JSON on stderr
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    demo: Demo,
}

fn main() -> ExitCode {
    // The person types a PIN, if only for the demo: no other process may read this one.
    if let Err(failure) = program::protect() {
        return program::fail(&failure, false);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return program::misused(&error, "briefcase-demo"),
    };
    program::run(cli.json, async |ctx| Box::pin(run(ctx, cli.demo)).await)
}

async fn run(ctx: &CommandContext, arguments: Demo) -> Result<CommandResult, Failure> {
    let alone = arguments.non_interactive || ctx.json;
    if !alone {
        Terminal::open().map_err(|_| {
            let next = "Run it in a terminal, or use `briefcase demo --non-interactive`.";
            Failure::new("no_terminal", "No terminal is available for your decision.", next)
        })?;
    }
    let server = if arguments.server.is_empty() { SERVER.map(str::to_owned).to_vec() } else { arguments.server };
    let mut home = DemoHome::new(ctx)?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let finished = tokio::select! {
        finished = Story::new(&mut home, Narrator::new(ctx.json), alone).run(server) => finished,
        _ = interrupt.recv() => Err(Failure::Cancelled),
        _ = terminate.recv() => Err(Failure::Cancelled),
    };
    let removed = home.remove().await;
    let result = finished?;
    removed.map(|()| result)
}
