//! `admin.sock`: bound and checked here, spoken elsewhere (HTTP/1.1).

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
    /// Binds `admin.sock` in a private folder, which is made if it is not there.
    pub fn bind(runtime_dir: &Path) -> Result<Self, SocketError> {
        BoundSocket::bind(runtime_dir, ADMIN_SOCKET).map(Self)
    }

    /// Where it is bound.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// The next connection of this user; those of others are closed without a word.
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
