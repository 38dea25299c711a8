//! The names of the two sockets, and the errors of binding and reaching them.

use std::path::{Path, PathBuf};

use briefcase_platform::{LocalSocketError, Peer, PeerError};
use briefcase_private_fs::{AccessFault, PrivateFsError};
use tokio::net::UnixStream;

/// The name of the gateways' socket.
pub const AGENT_SOCKET: &str = "agent.sock";
/// The name of the socket for the CLI and the console.
pub const ADMIN_SOCKET: &str = "admin.sock";

/// A socket cannot be bound or reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The folder is not private.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The process at the other end belongs to another user.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Another daemon serves this folder.
    #[error("briefcased is already running: it holds {0}; stop it first, or choose another folder")]
    AlreadyRunning(PathBuf),
    /// The path exists and is not a socket.
    #[error("{0} is not a socket and will not be removed; check it and move it away")]
    Squatted(PathBuf),
    /// No process listens.
    #[error("briefcased is not running (no process listens at {0}); start it with `briefcase up`")]
    NotRunning(PathBuf),
    /// Another failure.
    #[error(transparent)]
    Other(LocalSocketError),
}

/// A folder is not usable for sockets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirError {
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
    #[error("the folder is unusable: {0}")]
    Other(PrivateFsError),
}

impl From<PrivateFsError> for DirError {
    fn from(error: PrivateFsError) -> Self {
        match error {
            PrivateFsError::NotPrivate { path, fault: AccessFault::NotAFolder } => Self::NotAFolder(path),
            PrivateFsError::NotPrivate { path, fault: AccessFault::Owner { uid } } => Self::Owner { path, owner: uid },
            PrivateFsError::NotPrivate { path, fault: AccessFault::OpenFolder { mode } } => Self::Open { path, mode },
            other => Self::Other(other),
        }
    }
}

impl From<LocalSocketError> for SocketError {
    fn from(error: LocalSocketError) -> Self {
        match error {
            LocalSocketError::Folder(error) => Self::Dir(error.into()),
            LocalSocketError::Peer(error) => Self::Peer(error),
            LocalSocketError::InUse(path) => Self::AlreadyRunning(path),
            LocalSocketError::NotASocket(path) => Self::Squatted(path),
            LocalSocketError::NoListener(path) => Self::NotRunning(path),
            other => Self::Other(other),
        }
    }
}

/// Connects to the socket at `path`. Its folder must be private, and its server must run as this user.
pub async fn connect(path: &Path) -> Result<(UnixStream, Peer), SocketError> {
    Ok(briefcase_platform::connect(path).await?)
}
