//! `briefcase-enclave`: the auditor of browser enclaves. `briefcase enclave` starts it.
//!
//! It fetches an enclave's files as browsers do, compares the responses that different clients get, and hands everything
//! to `briefcase-release`, which alone decides what a release is. It is a program of its own so that the command line
//! links no release verifier. Arguments and help texts are those of `briefcase::command::enclave`.

mod audit;
mod fetch_profile;
mod report;
mod source;
mod trust;
mod verify;
mod watch;
mod watch_state;

use std::process::ExitCode;

use briefcase::{command::enclave::Enclave, program};
use clap::Parser;

/// Verify and watch browser enclaves
#[derive(Debug, Parser)]
#[command(name = "briefcase-enclave", version, disable_help_subcommand = true)]
struct Cli {
    /// Print one JSON document on stdout, and errors as JSON on stderr
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Enclave,
}

fn main() -> ExitCode {
    // The verdict is computed in this process: no other process may change its memory.
    if let Err(failure) = program::protect() {
        return program::fail(&failure, false);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return program::misused(&error, "briefcase-enclave"),
    };
    program::run(cli.json, async |ctx| match cli.command {
        Enclave::Verify(arguments) => verify::run(ctx, arguments).await,
        Enclave::Watch(arguments) => watch::run(ctx, arguments).await,
    })
}
