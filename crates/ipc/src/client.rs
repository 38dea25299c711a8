//! The gateway's end of `agent.sock`.

use std::{path::Path, time::Duration};

use crate::{
    AgentToken, FrameError, FrameReceiver, FrameSender, HandshakeRefusal, HandshakeReply, Hello, PROTOCOL, Peer,
    SocketError, ToDaemon, ToGateway, Welcome, socket, stream::HandshakeStream,
};

const MAX_REPLY_BYTES: usize = 16 * 1024;
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to the daemon on behalf of one agent.
#[derive(Debug)]
pub struct DaemonClient {
    /// The daemon's reply to the handshake.
    pub welcome: Welcome,
    /// The process at the other end.
    pub peer: Peer,
    /// Receives the daemon's frames.
    pub receiver: FrameReceiver<ToGateway>,
    /// Sends the agent's messages. Cheap to clone and bounded: it waits when the daemon does not read.
    pub sender: FrameSender<ToDaemon>,
}

/// The connection to the daemon failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No daemon runs, or the process at the socket belongs to another user.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The daemon refused this agent, or cannot serve now.
    #[error(transparent)]
    Refused(HandshakeRefusal),
    /// The program at the socket uses another protocol.
    #[error(
        "the program at the socket does not speak briefcased's protocol ({0}); check that both programs have the same version"
    )]
    Protocol(#[from] FrameError),
}

impl DaemonClient {
    /// Connects and sends the agent's token. `gateway` is this program's name and version.
    pub async fn connect(socket: &Path, token: AgentToken, gateway: &str) -> Result<Self, ConnectError> {
        let (stream, peer) = socket::connect(socket).await?;
        let mut link = HandshakeStream::<HandshakeReply>::new(stream, MAX_REPLY_BYTES);
        link.send(Hello { protocol: PROTOCOL, agent_token: token, gateway: gateway.to_owned() }).await?;
        let timed_out = |_| FrameError::Io(std::io::ErrorKind::TimedOut.into());
        let reply = tokio::time::timeout(REPLY_TIMEOUT, link.recv()).await.map_err(timed_out)??;
        match reply.ok_or(FrameError::Truncated)? {
            HandshakeReply::Refused(refused) => Err(ConnectError::Refused(refused)),
            HandshakeReply::Welcome(welcome) => {
                let (receiver, sender) = link.open(None);
                Ok(Self { welcome, peer, receiver, sender })
            }
        }
    }
}
