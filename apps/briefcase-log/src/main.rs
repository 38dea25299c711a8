//! `briefcase-log`: the log of the project's releases, and a witness for such logs.
//!
//! The log is a folder of static files (C2SP tlog-tiles) that any host can serve.
//!
//! Invariant: **a log signs a checkpoint only after all files under it are on disk. A witness cosigns a checkpoint only
//! after storing it.** So neither ever signs two different trees of one size, even after a power failure.

mod append;
mod cli;
mod cosign_client;
mod error;
mod key;
mod lock;
mod log;
mod output;
mod witness;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are not errors, and neither is a closed pipe.
            let _closed = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let json = cli.json;
    match cli.run() {
        Ok(output) => output.print(json),
        Err(error) => error.report(json),
    }
}
