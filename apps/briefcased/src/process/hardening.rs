//! Keeps other processes of the same user from reading this process's memory.
//!
//! `main` calls this first, before any secret exists; [`reexec`](super::reexec) covers the time before `main`. Core dumps are
//! off, and `PR_SET_DUMPABLE=0` makes the kernel refuse `ptrace`, `/proc/PID/mem`, `environ` and `maps` to every process
//! without `CAP_SYS_PTRACE`.

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

/// Turns the protections on: no core dumps, and not dumpable.
pub fn harden() -> Result<(), HardeningError> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|source| HardeningError { what: "core dumps off", source })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|source| HardeningError { what: "not dumpable", source })
}

/// Whether a swap device is in use, to which memory may be written; `None` when the kernel does not say.
#[must_use]
pub fn swaps() -> Option<bool> {
    // One line of headings, then one for each device in use.
    let listed = std::fs::read_to_string("/proc/swaps").ok()?;
    Some(listed.lines().nth(1).is_some())
}

/// Whether this user can read the running program. If so, other processes of the user can open its memory from the moment it
/// is loaded until [`harden`] is reached, and keep it open.
#[must_use]
pub fn program_is_readable() -> bool {
    rustix::fs::access("/proc/self/exe", rustix::fs::Access::READ_OK).is_ok()
}

/// Whether core dumps are off and the process is not dumpable, as `doctor` reports it.
#[must_use]
pub fn is_hardened() -> (bool, bool) {
    let no_core = getrlimit(Resource::Core).current == Some(0);
    let undumpable = matches!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    (no_core, undumpable)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::unix::fs::FileExt as _,
        sync::{Mutex, PoisonError},
    };

    use briefcase_api::{Apply, Change, Confidential, Evidence};

    use super::*;

    /// One test makes this process unreadable, the other reads its memory: they exclude each other.
    static ALONE: Mutex<()> = Mutex::new(());

    /// Attack 42, as far as one process can show it.
    #[test]
    fn a_hardened_process_leaves_no_core_and_cannot_be_read() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        harden().unwrap();
        assert_eq!(is_hardened(), (true, true));
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0), "it cannot be raised again");
        set_dumpable_behavior(DumpableBehavior::Dumpable).unwrap();
    }

    /// A text that the program does not contain, and that is whole in memory only where a test puts it.
    fn canary() -> impl Iterator<Item = u8> + Clone {
        (0_u16..40).map(|n| b'a' + u8::try_from((n * 7 + n / 3 + 5) % 26).unwrap())
    }

    /// The number of copies of the canary in this process's writable memory.
    fn copies() -> usize {
        let memory = File::open("/proc/self/mem").unwrap();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let writable = maps.lines().filter(|line| line.contains(" rw") && !line.contains("[v"));
        let mut found = 0;
        for line in writable {
            let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
            let (from, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
            let mut region = vec![0; usize::try_from(to - from).unwrap()];
            // A region may be gone by now, or have no pages.
            if memory.read_exact_at(&mut region, from).is_ok() {
                found += region.windows(40).filter(|window| window.iter().copied().eq(canary())).count();
            }
        }
        found
    }

    #[test]
    fn nothing_of_a_secret_is_left_in_memory_once_its_request_was_read() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let secret = |end: &str| {
            let mut text: String = canary().map(char::from).collect();
            text.push_str(end);
            text
        };
        // The escape makes the parser use a buffer of its own; a tagged change is read twice.
        let change = Change::SetPassphrase { passphrase: secret("\"\\") };
        let evidence = Evidence::Pin(secret(""));
        let sent = Apply { change, digest: briefcase_types::Digest::sha256(b"shown"), evidence };
        let body = serde_json::to_vec(&sent).unwrap();
        drop(sent);
        let received: Apply<Confidential> = serde_json::from_slice(&body).unwrap();
        let canonical = serde_json::to_vec(&received.change).unwrap();
        assert!(copies() >= 2, "the search finds copies that exist");
        drop((body, received, canonical));
        assert_eq!(copies(), 0);
    }
}
