//! The environment that the daemon runs in.

use std::sync::Arc;

use briefcase_ipc::Paths;
use briefcase_ports::Launcher;
use briefcase_types::Entropy;
use briefcase_upstream::ChildEnvironment;

use crate::process::clock::SystemClock;

/// What stays the same from the daemon's start to its end.
pub struct Environment {
    /// The folders.
    pub paths: Paths,
    /// The wall clock.
    pub clock: Arc<SystemClock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The console's port.
    pub console_port: u16,
    /// How child processes start.
    pub children: ChildProcesses,
}

/// How child processes start.
#[derive(Clone)]
pub struct ChildProcesses {
    /// The program that starts them.
    pub launcher: Arc<dyn Launcher>,
    /// The variables that every one of them gets.
    pub environment: ChildEnvironment,
}
