//! The first frame each way: who the gateway speaks for, and whether the daemon listens.

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

/// The gateway presents itself and the agent's credential.
pub struct Hello {
    /// [`PROTOCOL`] as the gateway has it.
    pub protocol: u32,
    /// The agent's token, of the right form; whether it is known, the daemon decides.
    pub agent_token: AgentToken,
    /// The gateway's name and version, for the log.
    pub gateway: String,
}

/// The daemon takes the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// [`PROTOCOL`] as the daemon has it.
    pub protocol: u32,
    /// The name of the agent that the token belongs to.
    pub agent: String,
    /// The daemon's name and version.
    pub daemon: String,
}

/// The daemon does not take the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message} {next_step}")]
pub struct HandshakeRefusal {
    /// Stable code, such as `denied` (unknown token), `revoked` or `unavailable` (locked).
    pub code: RefusalCode,
    /// What is wrong.
    pub message: String,
    /// What a person can do.
    pub next_step: String,
}

/// The daemon's answer to a [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeReply {
    /// Come in.
    Welcome(Welcome),
    /// No.
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
