//! `briefcased`: the only process that decides, remembers, and holds secrets.

mod adapters;
mod admin;
mod agents;
mod environment;
mod init;
mod lock_state;
mod offline;
mod open_error;
mod options;
mod process;
mod selftest;
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

/// Memory is wiped as it is freed: bodies, parsers' buffers and texts that held a secret leave no copy behind.
#[global_allocator]
static MEMORY: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    // Before anything else: nobody may look into this process.
    if let Err(error) = hardening::harden() {
        return fail(&error);
    }
    reexec::become_unreadable();
    let options = Options::parse();
    // The environment is read here and nowhere else.
    let variable = |name: &str| std::env::var_os(name);
    let paths = match Paths::from_environment(variable) {
        Ok(paths) => paths,
        Err(error) => return fail(&error),
    };
    let clock = Arc::new(SystemClock::default());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let done = match options.command {
        DaemonCommand::Init => init::init(&paths, &clock, &entropy).map(|made| print(&made)).map_err(Into::into),
        DaemonCommand::Run(run) => serve::run(paths, clock, entropy, &run, |name| variable(name)?.into_string().ok()),
        DaemonCommand::Fsck { json } => offline::check(&paths, json),
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
        let told = source.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        cause = source.source();
    }
    let _ = writeln!(std::io::stderr(), "{}", briefcase_types::text::printable(&text));
    ExitCode::FAILURE
}

/// One line of JSON on stdout.
fn print(value: &serde_json::Value) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{value}");
    let _ = out.flush();
}
