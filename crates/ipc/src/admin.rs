//! `admin.sock`: this crate binds it and checks its peers. The protocol on it is HTTP/1.1.

use std::path::{Path, PathBuf};

use briefcase_platform::{LocalListener, Peer};
use tokio::net::UnixStream;

use crate::{ADMIN_SOCKET, SocketError};

/// The bound `admin.sock`.
#[derive(Debug)]
pub struct AdminListener(LocalListener);

impl AdminListener {
    /// Binds `admin.sock` in a private folder. A missing folder is created.
    pub fn bind(runtime_dir: &Path) -> Result<Self, SocketError> {
        Ok(Self(LocalListener::bind(runtime_dir, ADMIN_SOCKET)?))
    }

    /// Returns the socket's path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// Accepts the next connection of this user. Connections of other users are closed without a response.
    pub async fn accept(&self) -> (UnixStream, Peer) {
        self.0.accept().await
    }
}
