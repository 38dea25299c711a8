//! Keeps other processes of the same user from reading this process's memory.
//!
//! A program calls [`harden`] first in `main`, before any secret exists. Core dumps are off, and `PR_SET_DUMPABLE=0` makes
//! the kernel refuse `ptrace`, `/proc/PID/mem`, `environ` and `maps` to every process without `CAP_SYS_PTRACE`.

use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// The system refused a protection. A program with secrets does not run without it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the process could not be protected ({what}): {source}; run it on a Linux kernel that allows prctl and setrlimit"
)]
pub struct HardeningError {
    what: &'static str,
    source: Errno,
}

/// Turns the protections on: no core dumps, and not dumpable.
///
/// # Errors
/// The system refuses a protection.
pub fn harden() -> Result<(), HardeningError> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|source| HardeningError { what: "core dumps off", source })?;
    forbid_dumps().map_err(|source| HardeningError { what: "not dumpable", source })
}

/// Returns whether core dumps are off, and whether the process is not dumpable.
#[must_use]
pub fn is_hardened() -> (bool, bool) {
    (getrlimit(Resource::Core).current == Some(0), dumps_are_forbidden())
}

/// Returns whether a swap device is in use, to which memory may be written; `None` when the system does not report it.
#[must_use]
pub fn swaps() -> Option<bool> {
    // One line of headings, then one for each device in use.
    let listed = std::fs::read_to_string("/proc/swaps").ok()?;
    Some(listed.lines().nth(1).is_some())
}

/// Returns Yama's rule for debuggers, 0 to 3; `Ok(0)` without Yama, and an error when the system does not say.
///
/// # Errors
/// The rule cannot be read.
pub fn ptrace_scope() -> std::io::Result<u8> {
    match std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope") {
        Ok(text) => text.trim().parse().map_err(std::io::Error::other),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && cfg!(target_os = "linux") => Ok(0),
        Err(error) => Err(error),
    }
}

/// Returns whether a mandatory profile (AppArmor, SELinux) confines this process.
#[must_use]
pub fn is_confined() -> bool {
    let profile = std::fs::read_to_string("/proc/self/attr/current").unwrap_or_default();
    let profile = profile.trim_matches(['\0', '\n', ' ']);
    !profile.is_empty() && profile != "unconfined" && !profile.contains(":unconfined_t:") && !profile.contains("kernel")
}

/// Returns whether this user can read the running program. If so, other processes of the user can open its memory from
/// the moment it is loaded until [`harden`] is reached, and keep it open.
#[must_use]
pub fn program_is_readable() -> bool {
    rustix::fs::access("/proc/self/exe", rustix::fs::Access::READ_OK).is_ok()
}

#[cfg(target_os = "linux")]
fn forbid_dumps() -> Result<(), Errno> {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
}

#[cfg(target_os = "linux")]
fn dumps_are_forbidden() -> bool {
    use rustix::process::{DumpableBehavior, dumpable_behavior};
    matches!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable))
}

/// Fails: this system has no known protection yet.
#[cfg(not(target_os = "linux"))]
fn forbid_dumps() -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

#[cfg(not(target_os = "linux"))]
fn dumps_are_forbidden() -> bool {
    false
}
