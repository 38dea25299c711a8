//! The errors of private files and folders.

use std::{
    io,
    path::{Path, PathBuf},
};

/// An operation on a private file or folder failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateFsError {
    /// The file or folder is not what it has to be, or other users can reach it.
    #[error("{path} is not safe to use: {fault}; {}", fault.remedy(), path = .path.display())]
    NotPrivate {
        /// The file or folder.
        path: PathBuf,
        /// The fault.
        fault: AccessFault,
    },
    /// The file is larger than the caller's limit.
    #[error("{path} is larger than {limit} bytes", path = .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: usize,
    },
    /// Another process holds the lock.
    #[error("another process holds the lock {path}", path = .path.display())]
    Locked {
        /// The lock's file or folder.
        path: PathBuf,
        /// The process id that the holder wrote.
        holder: Option<u32>,
    },
    /// The file system reported an error.
    #[error("cannot {action} {path}: {source}", path = .path.display())]
    Io {
        /// The operation that failed, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// The reason why a file or folder is not private.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessFault {
    /// The path is a symbolic link.
    #[error("it is a symbolic link")]
    Link,
    /// The path is not a regular file.
    #[error("it is not a regular file")]
    NotAFile,
    /// The path is a file or a link instead of a folder.
    #[error("it is not a folder")]
    NotAFolder,
    /// The file has a second name.
    #[error("it has a second name (hard link)")]
    HardLink,
    /// The file or folder belongs to another user.
    #[error("it belongs to another user")]
    Owner {
        /// The owner's user id.
        uid: u32,
    },
    /// Other users may open the file.
    #[error("others may read or write it")]
    OpenFile {
        /// The file's permission bits.
        mode: u32,
    },
    /// Other users may open the folder.
    #[error("others may read or write it")]
    OpenFolder {
        /// The folder's permission bits.
        mode: u32,
    },
    /// Other users may create, rename or remove files in the folder.
    #[error("others may write in it")]
    WritableFolder {
        /// The folder's permission bits.
        mode: u32,
    },
}

impl AccessFault {
    /// The next step for a person.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Link => "put the file itself in its place",
            Self::NotAFile => "move it away",
            Self::NotAFolder => "name the folder itself, not a link to it",
            Self::HardLink => "remove the other name",
            Self::Owner { .. } => "run as its owner",
            Self::OpenFile { .. } => "use `chmod 600`",
            Self::OpenFolder { .. } | Self::WritableFolder { .. } => "use `chmod 700`",
        }
    }
}

impl PrivateFsError {
    /// Returns the system's error, if the system reported one.
    #[must_use]
    pub const fn as_io(&self) -> Option<&io::Error> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Returns the kind of the system's error, if the system reported one.
    #[must_use]
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        self.as_io().map(io::Error::kind)
    }

    pub(crate) fn fault(path: &Path, fault: AccessFault) -> Self {
        Self::NotPrivate { path: path.to_owned(), fault }
    }

    pub(crate) fn io<E: Into<io::Error>>(action: &'static str, path: &Path) -> impl Fn(E) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path: path.clone(), source: source.into() }
    }
}

impl From<PrivateFsError> for io::Error {
    /// Keeps the kind of a system error and the text of every error.
    fn from(error: PrivateFsError) -> Self {
        let kind = match &error {
            PrivateFsError::Io { source, .. } => source.kind(),
            PrivateFsError::NotPrivate { .. } => io::ErrorKind::PermissionDenied,
            PrivateFsError::TooLarge { .. } => io::ErrorKind::FileTooLarge,
            PrivateFsError::Locked { .. } => io::ErrorKind::WouldBlock,
        };
        Self::new(kind, error)
    }
}
