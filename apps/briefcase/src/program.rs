//! The frame of each program that a person types: protection, one command, its output and exit code.

use std::process::ExitCode;

use briefcase_api::Problem;
use clap::error::ErrorKind;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::{
    context::CommandContext,
    failure::Failure,
    output,
    printer::{self, CommandResult},
};

/// Prevents other processes from reading this one's memory, through which PINs pass.
///
/// # Errors
/// The system does not offer the protection.
pub fn protect() -> Result<(), Failure> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|errno| {
        let text = format!("This process could not be protected from others: {errno}.");
        Failure::new("unavailable", text, "Run it on a system that allows prctl.")
    })
}

/// Runs one command to its end.
pub fn run(json: bool, work: impl AsyncFnOnce(&CommandContext) -> Result<CommandResult, Failure>) -> ExitCode {
    match finished(json, work) {
        Ok(result) => print(&result, json),
        Err(failure) => fail(&failure, json),
    }
}

fn finished(
    json: bool,
    work: impl AsyncFnOnce(&CommandContext) -> Result<CommandResult, Failure>,
) -> Result<CommandResult, Failure> {
    let ctx = CommandContext::new(json, |name| std::env::var_os(name))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work(&ctx))
}

fn print(result: &CommandResult, json: bool) -> ExitCode {
    let shown = if json { printer::json(&result.json) } else { printer::show(&result.output) };
    match shown {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::from(u8::from(result.negative)),
        Err(failure) => fail(&failure, json),
    }
}

/// Reports a failure.
pub fn fail(failure: &Failure, json: bool) -> ExitCode {
    match failure {
        Failure::Problem(problem) => printer::report(problem, json),
        Failure::Cancelled if !json => printer::tell(&output::TextOutput::of("Cancelled.")),
        Failure::Cancelled | Failure::ClosedPipe => {}
    }
    ExitCode::from(failure.exit_code())
}

/// Reports a command line that does not parse. Help and version are not errors.
pub fn misused(error: &clap::Error, program: &str) -> ExitCode {
    let wanted = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !wanted && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let message = text.trim_start_matches("error: ").trim().to_owned();
        printer::report(&Problem::new("usage", message, format!("See `{program} --help`.")), true);
    } else {
        // A closed pipe is no error here either.
        let _ = error.print();
    }
    ExitCode::from(if wanted { 0 } else { 2 })
}
