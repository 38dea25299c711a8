//! The errors of local sockets.

use std::{
    io,
    path::{Path, PathBuf},
};

use briefcase_private_fs::PrivateFsError;

use crate::PeerError;

/// A local socket cannot be bound or reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalSocketError {
    /// The folder is missing or not private.
    #[error(transparent)]
    Folder(PrivateFsError),
    /// The process at the other end belongs to another user.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Another process listens at the path, or holds its lock.
    #[error("another process listens at {0}")]
    InUse(PathBuf),
    /// The path exists and is not a socket. It is not removed.
    #[error("{0} is not a socket")]
    NotASocket(PathBuf),
    /// No process listens at the path.
    #[error("no process listens at {0}")]
    NoListener(PathBuf),
    /// The system reported another error.
    #[error("the socket {path} is unusable: {source}", path = .path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl LocalSocketError {
    pub(crate) fn io<E: Into<io::Error>>(path: &Path) -> impl Fn(E) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path: path.clone(), source: source.into() }
    }
}
