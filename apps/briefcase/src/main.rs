//! `briefcase`: what a person types. A client of briefcased's admin socket, and the offline check of receipts.
//!
//! Invariant: it decides nothing and holds nothing. Whatever gives power is proved with a PIN typed at the person's own
//! terminal and judged by briefcased.

mod change;
mod cli;
mod command;
mod context;
mod daemon;
mod failure;
mod output;
mod printer;
mod terminal;
mod time_format;

use std::process::ExitCode;

use clap::Parser as _;
use context::CommandContext;
use failure::Failure;
use printer::CommandResult;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

fn main() -> ExitCode {
    // Before anything else: PINs pass through this process, and no other process may look into it.
    if let Err(errno) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        let text = format!("This process could not be protected from others: {errno}.");
        return fail(&Failure::new("unavailable", text, "Run it on a system that allows prctl."), false);
    }
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return cli::misused(&error),
    };
    let json = cli.json;
    match run(cli) {
        Ok(answer) => answered(&answer, json),
        Err(failure) => fail(&failure, json),
    }
}

fn run(cli: cli::Cli) -> Result<CommandResult, Failure> {
    let ctx = CommandContext::new(cli.json, |name| std::env::var_os(name))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(cli.command.run(&ctx))
}

fn answered(answer: &CommandResult, json: bool) -> ExitCode {
    let shown = if json { printer::json(&answer.json) } else { printer::show(&answer.output) };
    match shown {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::from(u8::from(answer.negative)),
        Err(failure) => fail(&failure, json),
    }
}

fn fail(failure: &Failure, json: bool) -> ExitCode {
    match failure {
        Failure::Problem(problem) => printer::report(problem, json),
        Failure::Cancelled if !json => printer::tell(&output::TextOutput::of("Cancelled.")),
        Failure::Cancelled | Failure::ClosedPipe => {}
    }
    ExitCode::from(failure.exit_code())
}
