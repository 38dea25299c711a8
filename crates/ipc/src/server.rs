//! The daemon's half of `agent.sock`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::net::UnixStream;

use crate::{
    AGENT_SOCKET, FrameError, FrameReceiver, FrameSender, HandshakeRefusal, HandshakeReply, Hello, Peer, SocketError,
    ToDaemon, ToGateway, Welcome,
    connection_limit::{ConnectionLimit, ConnectionPermit},
    socket::BoundSocket,
    stream::HandshakeStream,
};

/// A greeting is small, and comes at once.
const MAX_HELLO_BYTES: usize = 4 * 1024;
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The bound `agent.sock`.
#[derive(Debug)]
pub struct AgentListener {
    socket: BoundSocket,
    limit: ConnectionLimit,
}

/// A connection of this user's own processes that has said nothing yet.
#[derive(Debug)]
pub struct IncomingConnection {
    stream: UnixStream,
    peer: Peer,
    permit: ConnectionPermit,
}

/// A connection that has said who it is and waits for the daemon's decision.
pub struct PendingHandshake {
    /// What it said.
    pub hello: Hello,
    link: HandshakeStream<Hello>,
    peer: Peer,
    permit: ConnectionPermit,
}

/// A connection that the daemon has accepted.
#[derive(Debug)]
pub struct GatewayConnection {
    /// The process at the other end.
    pub peer: Peer,
    /// What the gateway sends.
    pub receiver: FrameReceiver<ToDaemon>,
    /// Where answers go. Cheap to clone, bounded, and waits when the gateway does not read.
    pub sender: FrameSender<ToGateway>,
}

impl AgentListener {
    /// Binds `agent.sock` in a private folder, which is made if it is not there.
    pub fn bind(runtime_dir: &Path) -> Result<Self, SocketError> {
        Ok(Self { socket: BoundSocket::bind(runtime_dir, AGENT_SOCKET)?, limit: ConnectionLimit::default() })
    }

    /// Where it is bound.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.socket.path()
    }

    /// The next connection of this user. Others, and those beyond the limits (128 in all, 48 of one process), are
    /// closed without a word.
    pub async fn accept(&self) -> IncomingConnection {
        loop {
            let Ok((stream, _)) = self.socket.listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let Ok(peer) = Peer::of(&stream) else { continue };
            if let Some(permit) = self.limit.take(peer.pid()) {
                return IncomingConnection { stream, peer, permit };
            }
        }
    }
}

impl IncomingConnection {
    /// The process at the other end.
    #[must_use]
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Waits (5 s at most) for the greeting. Run it apart from the accept loop.
    pub async fn read_hello(self) -> Result<PendingHandshake, FrameError> {
        let mut link = HandshakeStream::<Hello>::new(self.stream, MAX_HELLO_BYTES);
        let received = tokio::time::timeout(HELLO_TIMEOUT, link.recv()).await;
        let timed_out = |_| FrameError::Io(std::io::ErrorKind::TimedOut.into());
        let hello = received.map_err(timed_out)??.ok_or(FrameError::Truncated)?;
        Ok(PendingHandshake { hello, link, peer: self.peer, permit: self.permit })
    }
}

impl PendingHandshake {
    /// Accepts the connection.
    pub async fn welcome(mut self, welcome: Welcome) -> Result<GatewayConnection, FrameError> {
        self.link.send(HandshakeReply::Welcome(welcome)).await?;
        let (receiver, sender) = self.link.open(Some(self.permit));
        Ok(GatewayConnection { peer: self.peer, receiver, sender })
    }

    /// Refuses the connection and closes it.
    pub async fn refuse(mut self, refused: HandshakeRefusal) -> Result<(), FrameError> {
        self.link.send(HandshakeReply::Refused(refused)).await
    }
}
