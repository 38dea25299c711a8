//! The lock of a log's or a witness's folder.

use std::path::Path;

use briefcase_private_fs::{LockFile, PrivateFsError};

use crate::error::CommandError;

/// Locks a folder against other processes, without waiting.
pub fn lock_folder(folder: &Path) -> Result<LockFile, CommandError> {
    LockFile::acquire(&folder.join(".lock")).map_err(|error| match error {
        PrivateFsError::Locked { .. } => CommandError::Busy(folder.display().to_string()),
        other => other.into(),
    })
}
