//! The gateway's half of `agent.sock`.

use std::{path::Path, time::Duration};

use crate::{
    AgentToken, FrameError, FrameReceiver, FrameSender, HandshakeRefusal, HandshakeReply, Hello, PROTOCOL, Peer,
    SocketError, ToDaemon, ToGateway, Welcome, socket, stream::HandshakeStream,
};

const MAX_REPLY_BYTES: usize = 16 * 1024;
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to the daemon that speaks for one agent.
#[derive(Debug)]
pub struct DaemonClient {
    /// What the daemon said of itself.
    pub welcome: Welcome,
    /// The process at the other end.
    pub peer: Peer,
    /// What the daemon sends.
    pub receiver: FrameReceiver<ToGateway>,
    /// Where the agent's messages go. Cheap to clone, bounded, and waits when the daemon does not read.
    pub sender: FrameSender<ToDaemon>,
}

/// Why there is no connection to the daemon.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The daemon is not there, or is not who it must be.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The daemon does not take this agent, or nobody now.
    #[error(transparent)]
    Refused(HandshakeRefusal),
    /// What answered does not speak the same protocol.
    #[error("the program at the socket does not answer as briefcased does ({0}); are both of the same version?")]
    Protocol(#[from] FrameError),
}

impl DaemonClient {
    /// Connects and presents the agent's token. `gateway` is this program's name and version.
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
