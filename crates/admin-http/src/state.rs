//! The state that all admin routes share.

use std::{path::PathBuf, sync::Arc};

use briefcase_ports::{AdjustableClock, MonotonicClock};
use briefcase_types::{Entropy, UnixMillis};
use tokio::sync::Mutex;

use crate::{
    Briefcase, LockControl, console::sessions::ConsoleSessions, error::ApiError, pending_passkeys::PendingPasskeys,
    probe::RecentProbes, unlock_pace::UnlockPace,
};

/// The protections of the daemon's process, as `doctor` reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessProtection {
    /// Core dumps are off.
    pub core_dumps_off: bool,
    /// Other processes of the user cannot read the memory.
    pub not_dumpable: bool,
    /// The user can read the program's file.
    pub program_readable: bool,
    /// A swap device is in use; `None` when the kernel does not say.
    pub swap_in_use: Option<bool>,
    /// The processes that may debug a local server.
    pub debugging: DebuggingRule,
    /// The limit for open descriptors; `None` without a limit.
    pub open_files: Option<u64>,
}

/// The processes of one user that may debug another process of that user, by the kernel's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DebuggingRule {
    /// Any process.
    Anyone,
    /// Its ancestors (Yama 1).
    Ancestors,
    /// Administrators (Yama 2).
    Administrators,
    /// None (Yama 3).
    Nobody,
    /// As a mandatory profile says.
    Profile,
    /// The system does not say.
    Unknown,
}

/// The parts of an [`AdminState`].
pub struct AdminParts {
    /// Locks and unlocks the briefcase.
    pub lock: Arc<dyn LockControl>,
    /// The wall clock.
    pub clock: Arc<dyn AdjustableClock>,
    /// The monotonic clock.
    pub timer: Arc<dyn MonotonicClock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The console's port.
    pub console_port: u16,
    /// The state folder.
    pub state_folder: PathBuf,
    /// The time of the daemon's start.
    pub started: UnixMillis,
    /// Reads the protections of the process.
    pub protection: fn() -> ProcessProtection,
}

/// The state that all routes share, locked or not.
pub struct AdminState {
    pub(crate) parts: AdminParts,
    /// Codes and sessions of the console.
    pub(crate) console: ConsoleSessions,
    /// Probes that a person may act on.
    pub(crate) probes: RecentProbes,
    /// Passkeys that a browser made and that wait for evidence.
    pub(crate) pending_passkeys: PendingPasskeys,
    /// The pace of attempts to unlock.
    pub(crate) unlock_pace: Arc<UnlockPace>,
    /// One passphrase is changed at a time.
    pub(crate) passphrase_change: Mutex<()>,
}

impl AdminState {
    /// Makes the state.
    #[must_use]
    pub fn new(parts: AdminParts) -> Self {
        Self {
            unlock_pace: Arc::new(UnlockPace::new(Arc::clone(&parts.timer), Arc::clone(&parts.entropy))),
            parts,
            console: ConsoleSessions::default(),
            probes: RecentProbes::default(),
            pending_passkeys: PendingPasskeys::default(),
            passphrase_change: Mutex::default(),
        }
    }

    /// The unlocked briefcase.
    ///
    /// # Errors
    /// `locked` while it is locked.
    pub(crate) fn briefcase(&self) -> Result<Arc<Briefcase>, ApiError> {
        self.parts.lock.current().ok_or_else(ApiError::locked)
    }

    /// The console's authority, exactly as browsers send it in `Host`.
    pub(crate) fn console_authority(&self) -> String {
        format!("localhost:{}", self.parts.console_port)
    }
}
