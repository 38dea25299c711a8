//! `briefcase`: the command line. Everything is in the library beside it.

use std::process::ExitCode;

use briefcase::{cli::Cli, program};
use clap::Parser as _;

fn main() -> ExitCode {
    // First of all: PINs pass through this process.
    if let Err(failure) = program::protect() {
        return program::fail(&failure, false);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return program::misused(&error, "briefcase"),
    };
    program::run(cli.json, async |ctx| cli.command.run(ctx).await)
}
