//! Closes the doors through which another process of the same user could read this one's memory.
//!
//! Done first thing in `main`, before any secret exists: no core dumps, and `PR_SET_DUMPABLE=0`, which makes the kernel refuse
//! `ptrace`, `/proc/PID/mem`, `environ` and `maps` to everybody without `CAP_SYS_PTRACE`.

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior, setrlimit,
};

/// The kernel refused a protection. The daemon does not run without it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the process could not be protected ({what}): {source}; run it on a Linux kernel that allows prctl and setrlimit"
)]
pub struct HardeningError {
    what: &'static str,
    source: rustix::io::Errno,
}

/// Turns the protections on.
pub fn harden() -> Result<(), HardeningError> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|source| HardeningError { what: "core dumps off", source })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|source| HardeningError { what: "not dumpable", source })
}

/// Whether core dumps are off and the process is not dumpable, as `doctor` reports it.
#[must_use]
pub fn is_hardened() -> (bool, bool) {
    let no_core = getrlimit(Resource::Core).current == Some(0);
    let undumpable = matches!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    (no_core, undumpable)
}
