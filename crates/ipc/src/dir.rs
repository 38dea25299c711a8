//! The private folder that holds the sockets.

use std::{
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags},
    io::Errno,
};

/// An open handle on a folder that belongs to this user and that nobody else can enter.
///
/// All operations go through the open handle, so swapping the folder after the check has no effect.
#[derive(Debug)]
pub struct RuntimeDir {
    handle: OwnedFd,
    path: PathBuf,
}

/// A folder is not usable for sockets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirError {
    /// The folder does not exist.
    #[error("the folder {0} does not exist")]
    Missing(PathBuf),
    /// The path is a symbolic link or a file.
    #[error("{0} is not a folder but a link or a file; remove it, or choose another with BRIEFCASE_RUNTIME_DIR")]
    NotAFolder(PathBuf),
    /// The folder belongs to another user.
    #[error("{path} belongs to user {owner}; choose a folder of your own with BRIEFCASE_RUNTIME_DIR", path = .path.display())]
    Owner {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// Other users can enter the folder.
    #[error("other users can enter {path} (mode {mode:03o}); fix it with `chmod 700 {path}`", path = .path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another failure.
    #[error("the folder {path} is unusable: {source}", path = .path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl RuntimeDir {
    /// Opens the folder; creates it (0700) when missing. The parent folder must exist.
    pub fn prepare(path: &Path) -> Result<Self, DirError> {
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => Self::open(path),
            Err(errno) => Err(DirError::Io { path: path.to_owned(), source: errno.into() }),
        }
    }

    /// Opens the folder, which must exist.
    pub fn open(path: &Path) -> Result<Self, DirError> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let handle = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => DirError::Missing(path.to_owned()),
            Errno::NOTDIR | Errno::LOOP => DirError::NotAFolder(path.to_owned()),
            errno => DirError::Io { path: path.to_owned(), source: errno.into() },
        })?;
        let stat =
            rustix::fs::fstat(&handle).map_err(|errno| DirError::Io { path: path.to_owned(), source: errno.into() })?;
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(DirError::Owner { path: path.to_owned(), owner: stat.st_uid });
        }
        if stat.st_mode & 0o077 != 0 {
            return Err(DirError::Open { path: path.to_owned(), mode: stat.st_mode & 0o777 });
        }
        Ok(Self { handle, path: path.to_owned() })
    }

    /// The folder's path, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// A path to `name` in the folder through the open handle. It is also short, as socket addresses require.
    #[cfg(target_os = "linux")]
    pub(crate) fn inside(&self, name: &str) -> PathBuf {
        format!("/proc/self/fd/{}/{name}", self.handle.as_raw_fd()).into()
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn inside(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The type and identity of `name` in the folder, without following a link.
    pub(crate) fn look(&self, name: &str) -> std::io::Result<Option<(FileType, (u64, u64))>> {
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some((FileType::from_raw_mode(stat.st_mode), (stat.st_dev, stat.st_ino)))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}
