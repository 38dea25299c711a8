//! What the admin routes work on.

use std::sync::Arc;

use super::{answer::Failure, console_session::ConsoleSessions, probes::Probes};
use crate::{life::Life, open::Open};

/// Shared by all routes of both doors.
pub struct Admin {
    /// Locked or open.
    pub life: Arc<Life>,
    /// Codes and tokens of the console.
    pub console: ConsoleSessions,
    /// Probes that were shown to a person.
    pub probes: Probes,
    /// Passkeys that a browser made and a person has still to allow.
    pub offers: super::offers::Offers,
}

impl Admin {
    /// The open briefcase.
    ///
    /// # Errors
    /// While locked.
    pub fn open(&self) -> Result<Arc<Open>, Failure> {
        self.life.open().ok_or_else(Failure::locked)
    }
}
