//! `briefcased`: the only process that decides, records, and holds secrets. This program starts it and connects its parts.

mod adapters;
mod agents;
mod check;
mod environment;
mod init;
mod lock_state;
mod offline;
mod open_error;
mod options;
mod process;
mod serve;
mod startup;
mod state_files;

use std::{process::ExitCode, sync::Arc};

use briefcase_ipc::Paths;
use briefcase_types::Entropy;
use clap::Parser as _;
use options::{DaemonCommand, Options};
use process::{
    clock::{OsEntropy, SystemClock},
    hardening, reexec,
};

/// Wipes memory as it is freed, so that bodies, parsers' buffers and texts leave no copy of a secret behind.
#[global_allocator]
static MEMORY: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    // Before anything else, so that no other process can read the memory.
    if let Err(error) = hardening::harden() {
        return fail(&error);
    }
    reexec::become_unreadable();
    let options = Options::parse();
    // No other code reads the environment.
    let variable = |name: &str| std::env::var_os(name);
    let paths = match Paths::find(variable, &briefcase_ipc::user::current()) {
        Ok(paths) => paths,
        Err(error) => return fail(&error),
    };
    let clock = Arc::new(SystemClock::default());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let done = match options.command {
        DaemonCommand::Init => init::init(&paths, &clock, &entropy).map(|made| print(&made)).map_err(Into::into),
        DaemonCommand::Run(run) => serve::run(paths, clock, entropy, &run, |name| variable(name)?.into_string().ok()),
        DaemonCommand::Fsck { json, unlock_stdin } => {
            let key = if unlock_stdin { serve::read_key().map(Some) } else { Ok(None) };
            key.and_then(|key| check::check(&paths, json, key.as_ref(), &entropy))
        }
        DaemonCommand::Restore { archive } => offline::restore(&paths, &clock, &entropy, &archive),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error.as_ref()),
    }
}

fn fail(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    use std::io::Write as _;
    let mut text = format!("briefcased: {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        let cause_text = source.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        cause = source.source();
    }
    let _ = writeln!(std::io::stderr(), "{}", briefcase_types::text::printable(&text));
    ExitCode::FAILURE
}

/// Prints one line of JSON.
fn print(value: &serde_json::Value) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{value}");
    let _ = out.flush();
}
