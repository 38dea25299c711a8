//! The daemon's end of `agent.sock`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use briefcase_platform::{LocalListener, Peer};
use tokio::net::UnixStream;

use crate::{
    AGENT_SOCKET, FrameError, FrameReceiver, FrameSender, HandshakeRefusal, HandshakeReply, Hello, SocketError,
    ToDaemon, ToGateway, Welcome,
    connection_limit::{ConnectionLimit, ConnectionPermit},
    stream::HandshakeStream,
};

/// The longest first frame. It arrives at once.
const MAX_HELLO_BYTES: usize = 4 * 1024;
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// The bound `agent.sock`.
#[derive(Debug)]
pub struct AgentListener {
    socket: LocalListener,
    limit: ConnectionLimit,
}

/// A connection of this user's own process, before its first frame.
#[derive(Debug)]
pub struct IncomingConnection {
    stream: UnixStream,
    peer: Peer,
    permit: ConnectionPermit,
}

/// A connection whose first frame was read. The daemon has not decided on it yet.
pub struct PendingHandshake {
    /// The first frame.
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
    /// Receives the gateway's frames.
    pub receiver: FrameReceiver<ToDaemon>,
    /// Sends the daemon's frames. Cheap to clone and bounded: it waits when the gateway does not read.
    pub sender: FrameSender<ToGateway>,
}

impl AgentListener {
    /// Binds `agent.sock` in a private folder. A missing folder is created.
    pub fn bind(runtime_dir: &Path) -> Result<Self, SocketError> {
        Ok(Self { socket: LocalListener::bind(runtime_dir, AGENT_SOCKET)?, limit: ConnectionLimit::default() })
    }

    /// Returns the socket's path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.socket.path()
    }

    /// Accepts the next connection of this user. Connections of other users are closed without a response. At a limit,
    /// another connection ends for the new one.
    pub async fn accept(&self) -> IncomingConnection {
        let (stream, peer) = self.socket.accept().await;
        let permit = self.limit.admit(peer.pid());
        IncomingConnection { stream, peer, permit }
    }
}

impl IncomingConnection {
    /// The process at the other end.
    #[must_use]
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Waits at most 5 s for the first frame. Run it outside the accept loop.
    pub async fn read_hello(self) -> Result<PendingHandshake, FrameError> {
        let mut link = HandshakeStream::<Hello>::new(self.stream, MAX_HELLO_BYTES);
        let received = tokio::select! {
            received = tokio::time::timeout(HELLO_TIMEOUT, link.recv()) => received,
            () = self.permit.ended().cancelled() => return Err(FrameError::Truncated),
        };
        let timed_out = |_| FrameError::Io(std::io::ErrorKind::TimedOut.into());
        let hello = received.map_err(timed_out)??.ok_or(FrameError::Truncated)?;
        Ok(PendingHandshake { hello, link, peer: self.peer, permit: self.permit })
    }
}

impl PendingHandshake {
    /// Accepts the connection. Another one may end for it.
    pub async fn welcome(mut self, welcome: Welcome) -> Result<GatewayConnection, FrameError> {
        self.permit.authenticated(&welcome.agent);
        self.link.send(HandshakeReply::Welcome(welcome)).await?;
        let (receiver, sender) = self.link.open(Some(self.permit));
        Ok(GatewayConnection { peer: self.peer, receiver, sender })
    }

    /// Refuses the connection and closes it.
    pub async fn refuse(mut self, refused: HandshakeRefusal) -> Result<(), FrameError> {
        self.link.send(HandshakeReply::Refused(refused)).await
    }
}
