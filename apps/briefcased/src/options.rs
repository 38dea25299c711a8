//! The command line.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// The daemon that owns secrets, policy, budgets, approvals and the record.
///
/// People use `briefcase`; agents connect to `mcp-gateway`. This program is started by them or by the system.
#[derive(Parser)]
#[command(name = "briefcased", version, after_help = EXAMPLES)]
pub struct Options {
    #[command(subcommand)]
    pub command: DaemonCommand,
}

const EXAMPLES: &str = "Examples:
  briefcased run                        start locked; `briefcase unlock` opens it
  briefcased run --unlock-stdin < key   start open; one JSON line: {\"unlock_key\":\"…\"} or {\"passphrase\":\"…\"}
  briefcased fsck                       check the whole record and what hangs on it";

/// The subcommands.
#[derive(Subcommand)]
pub enum DaemonCommand {
    /// Make a new briefcase: reads `{"pin":…,"passphrase":…|null,"unlock_key":true|false,"agent":"default"}` from stdin.
    Init,
    /// Serve. Prints one JSON line when ready.
    Run(Run),
    /// Check every receipt, hash, head, row and file. With a credential, also everything that is sealed.
    Fsck {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Read one JSON line that opens the vault from stdin, and load everything that a start loads.
        #[arg(long)]
        unlock_stdin: bool,
    },
    /// Put a backup into a state folder that is not there. Grants, approvals and handles from before are void.
    ///
    /// Reads one JSON line from stdin: `{"passphrase":"…","vault":{"unlock_key":"…"}}`.
    Restore {
        /// The archive.
        archive: PathBuf,
    },
}

/// The options of `run`.
#[derive(clap::Args)]
pub struct Run {
    /// Read one JSON line that opens the vault from stdin.
    #[arg(long)]
    pub unlock_stdin: bool,
    /// The console's port on localhost; 0 takes a free one.
    #[arg(long, default_value_t = 4483)]
    pub console_port: u16,
    /// The program that starts local servers; `briefcase-jail` beside this program when absent.
    #[arg(long, value_name = "PATH")]
    pub jail: Option<PathBuf>,
}
