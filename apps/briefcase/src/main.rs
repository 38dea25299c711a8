//! `briefcase`: what a person types. A client of briefcased's admin socket, and the offline check of receipts.
//!
//! Invariant: it decides nothing and holds nothing. Whatever gives power is proved with a PIN typed at the person's own
//! terminal and judged by briefcased.

mod change;
mod cli;
mod client;
mod command;
mod daemon;
mod failure;
mod moment;
mod page;
mod screen;
mod surroundings;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;
use failure::Failure;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use screen::Answer;
use surroundings::Surroundings;

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

fn run(cli: cli::Cli) -> Result<Answer, Failure> {
    let around = Surroundings::new(cli.json, |name| std::env::var_os(name))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(cli.command.run(&around))
}

fn answered(answer: &Answer, json: bool) -> ExitCode {
    let shown = if json { screen::json(&answer.json) } else { screen::show(&answer.page) };
    match shown {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::from(u8::from(answer.negative)),
        Err(failure) => fail(&failure, json),
    }
}

fn fail(failure: &Failure, json: bool) -> ExitCode {
    match failure {
        Failure::Problem(problem) => screen::report(problem, json),
        Failure::Cancelled if !json => screen::tell(&page::Page::of("Cancelled.")),
        Failure::Cancelled | Failure::ClosedPipe => {}
    }
    ExitCode::from(failure.exit_code())
}
