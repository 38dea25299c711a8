//! The permissions of new files and folders.

/// The users that may read a new file or folder. Only the owner may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileAccess {
    /// The owner alone: 0600 for a file, 0700 for a folder.
    Owner,
    /// All users: 0644 for a file, 0755 for a folder.
    Public,
}

impl FileAccess {
    pub(crate) const fn file_mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Public => 0o644,
        }
    }

    pub(crate) const fn folder_mode(self) -> u32 {
        match self {
            Self::Owner => 0o700,
            Self::Public => 0o755,
        }
    }
}
