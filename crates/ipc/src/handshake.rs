//! The first frame in each direction: the agent's credential, and the daemon's decision.

use briefcase_types::{RefusalCode, SecretString};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    AgentToken, ChannelId,
    codec::{Frame, FrameError, FrameParts},
    frame::from_json,
};

/// The version of the framing and of these messages.
pub const PROTOCOL: u32 = 1;

const HELLO: u8 = 0x01;
const WELCOME: u8 = 0x81;
const REFUSED: u8 = 0x82;
const NO_CHANNEL: ChannelId = ChannelId(0);

/// The gateway's first frame, with the agent's credential.
pub struct Hello {
    /// The gateway's [`PROTOCOL`].
    pub protocol: u32,
    /// The agent's token. Its format is checked; the daemon decides whether it is valid.
    pub agent_token: AgentToken,
    /// The gateway's name and version, for the log.
    pub gateway: String,
}

/// The daemon accepts the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The daemon's [`PROTOCOL`].
    pub protocol: u32,
    /// The name of the token's agent.
    pub agent: String,
    /// The daemon's name and version.
    pub daemon: String,
}

/// The daemon refuses the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message} {next_step}")]
pub struct HandshakeRefusal {
    /// A stable code, such as `denied` (unknown token), `revoked` or `unavailable` (locked).
    pub code: RefusalCode,
    /// The reason.
    pub message: String,
    /// The next step for a person.
    pub next_step: String,
}

/// The daemon's reply to a [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeReply {
    /// The connection is accepted.
    Welcome(Welcome),
    /// The connection is refused.
    Refused(HandshakeRefusal),
}

#[derive(Serialize, Deserialize)]
struct EncodedHello<'a> {
    protocol: u32,
    agent_token: &'a str,
    gateway: &'a str,
}

impl Frame for Hello {
    fn into_parts(self) -> FrameParts {
        self.agent_token.expose(|token| {
            let wire = EncodedHello { protocol: self.protocol, agent_token: token, gateway: &self.gateway };
            FrameParts::json(HELLO, NO_CHANNEL, &wire)
        })
    }

    fn size(&self) -> usize {
        0
    }

    fn from_payload(kind: u8, _: ChannelId, payload: Bytes) -> Result<Self, FrameError> {
        if kind != HELLO {
            return Err(FrameError::UnknownKind(kind));
        }
        let wire: EncodedHello<'_> = from_json(&payload)?;
        let token = SecretString::new(wire.agent_token.to_owned());
        Ok(Self {
            protocol: wire.protocol,
            agent_token: AgentToken::new(token).map_err(|_| FrameError::Malformed)?,
            gateway: briefcase_types::text::printable(briefcase_types::text::clip(wire.gateway, 64)),
        })
    }
}

impl Frame for HandshakeReply {
    fn into_parts(self) -> FrameParts {
        match self {
            Self::Welcome(welcome) => FrameParts::json(WELCOME, NO_CHANNEL, &welcome),
            Self::Refused(refused) => FrameParts::json(REFUSED, NO_CHANNEL, &refused),
        }
    }

    fn size(&self) -> usize {
        0
    }

    fn from_payload(kind: u8, _: ChannelId, payload: Bytes) -> Result<Self, FrameError> {
        match kind {
            WELCOME => from_json(&payload).map(Self::Welcome),
            REFUSED => from_json(&payload).map(Self::Refused),
            _ => Err(FrameError::UnknownKind(kind)),
        }
    }
}
