//! `admin.sock`: this crate binds it and checks its peers. The protocol on it is HTTP/1.1.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::net::UnixStream;

use crate::{ADMIN_SOCKET, Peer, SocketError, socket::BoundSocket};

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The bound `admin.sock`.
#[derive(Debug)]
pub struct AdminListener(BoundSocket);

impl AdminListener {
    /// Binds `admin.sock` in a private folder. A missing folder is created.
    pub fn bind(runtime_dir: &Path) -> Result<Self, SocketError> {
        BoundSocket::bind(runtime_dir, ADMIN_SOCKET).map(Self)
    }

    /// The socket's path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// Accepts the next connection of this user. Connections of other users are closed without a response.
    pub async fn accept(&self) -> (UnixStream, Peer) {
        loop {
            match self.0.listener.accept().await {
                Ok((stream, _)) => {
                    if let Ok(peer) = Peer::of(&stream) {
                        return (stream, peer);
                    }
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }
}
