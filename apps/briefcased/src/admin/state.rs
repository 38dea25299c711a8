//! What the admin routes work on.

use std::sync::Arc;

use super::{console_session::ConsoleSessions, error::ApiError, probes::Probes};
use crate::{lock_state::DaemonState, startup::UnlockedState};

/// Shared by all routes of both doors.
pub struct Admin {
    /// Locked or open.
    pub daemon: Arc<DaemonState>,
    /// Codes and tokens of the console.
    pub console: ConsoleSessions,
    /// Probes that were shown to a person.
    pub probes: Probes,
    /// Passkeys that a browser made and a person has still to allow.
    pub pending_passkeys: super::pending_passkeys::PendingPasskeys,
}

impl Admin {
    /// The open briefcase.
    ///
    /// # Errors
    /// While locked.
    pub fn open(&self) -> Result<Arc<UnlockedState>, ApiError> {
        self.daemon.open().ok_or_else(ApiError::locked)
    }
}
