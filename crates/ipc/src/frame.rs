//! The frames between gateway and daemon after the handshake.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::channel_id::ChannelId;
use crate::codec::{Frame, FrameError, FrameParts, MAX_RESULT_FRAME_BYTES};

/// The agent's transport to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentTransport {
    /// Standard input and output; one channel per connection.
    Stdio,
    /// Streamable HTTP.
    Http,
}

/// The properties of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenChannel {
    /// The agent's transport to the gateway.
    pub transport: AgentTransport,
    /// The one server to show, with bare names; `None` shows all, with prefixed names.
    pub view: Option<String>,
    /// Whether the channel carries modern requests of many HTTP clients. Such a channel is not a session of its own.
    /// All stateless channels of a connection belong to one session of the agent, so labels outlive a request.
    #[serde(default)]
    pub stateless: bool,
}

/// A frame from the gateway to the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToDaemon {
    /// Starts a conversation.
    Open {
        /// A channel number that is unused on this connection.
        channel: ChannelId,
        /// The channel's properties.
        open: OpenChannel,
    },
    /// A JSON-RPC message of the agent.
    Message {
        /// The conversation.
        channel: ChannelId,
        /// The `Mcp-Param-*` headers (`{"region":"eu"}`), sent for every modern HTTP request even when empty. The
        /// daemon compares them with the body. `None` where the transport has no headers.
        headers: Option<Bytes>,
        /// The message.
        json: Bytes,
    },
    /// The client gave up a request without a message: it closed the HTTP response.
    Cancel {
        /// The conversation.
        channel: ChannelId,
        /// The request's id as JSON text.
        request: Bytes,
    },
    /// Ends a conversation.
    Close {
        /// The conversation.
        channel: ChannelId,
    },
}

/// The place of a daemon's message in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelRoute {
    /// The message belongs to the whole conversation.
    General,
    /// The message belongs to one request of the client, by the request's id as JSON text. This covers its response,
    /// its progress and requests on its behalf.
    Related(Bytes),
}

/// A frame from the daemon to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToGateway {
    /// A JSON-RPC message for the agent.
    Message {
        /// The conversation.
        channel: ChannelId,
        /// The place in the conversation.
        route: ChannelRoute,
        /// The message.
        json: Bytes,
    },
    /// The conversation has ended.
    Closed {
        /// The conversation.
        channel: ChannelId,
        /// The reason, as text for a person.
        reason: String,
    },
}

const OPEN: u8 = 0x02;
const MESSAGE: u8 = 0x03;
const MESSAGE_WITH_HEADERS: u8 = 0x04;
const CANCEL: u8 = 0x05;
const CLOSE: u8 = 0x06;
const TO_GATEWAY_MESSAGE: u8 = 0x83;
const CLOSED: u8 = 0x84;

impl Frame for ToDaemon {
    fn into_parts(self) -> FrameParts {
        match self {
            Self::Open { channel, open } => FrameParts::json(OPEN, channel, &open),
            Self::Message { channel, headers: None, json } => FrameParts::plain(MESSAGE, channel, json),
            Self::Message { channel, headers: Some(headers), json } => {
                let mut prefix = BytesMut::with_capacity(headers.len().saturating_add(4));
                put_block(&mut prefix, &headers);
                FrameParts { kind: MESSAGE_WITH_HEADERS, channel, prefix: prefix.freeze(), tail: json }
            }
            Self::Cancel { channel, request } => FrameParts::plain(CANCEL, channel, request),
            Self::Close { channel } => FrameParts::plain(CLOSE, channel, Bytes::new()),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Message { headers, json, .. } => json.len().saturating_add(headers.as_ref().map_or(0, Bytes::len)),
            Self::Open { .. } | Self::Cancel { .. } | Self::Close { .. } => 0,
        }
    }

    fn from_payload(kind: u8, channel: ChannelId, mut payload: Bytes) -> Result<Self, FrameError> {
        match kind {
            OPEN => Ok(Self::Open { channel, open: from_json(&payload)? }),
            MESSAGE => Ok(Self::Message { channel, headers: None, json: payload }),
            MESSAGE_WITH_HEADERS => {
                Ok(Self::Message { channel, headers: Some(take_block(&mut payload)?), json: payload })
            }
            CANCEL => Ok(Self::Cancel { channel, request: payload }),
            CLOSE if payload.is_empty() => Ok(Self::Close { channel }),
            CLOSE => Err(FrameError::Malformed),
            _ => Err(FrameError::UnknownKind(kind)),
        }
    }
}

impl Frame for ToGateway {
    const MAX_BYTES: usize = MAX_RESULT_FRAME_BYTES;

    fn into_parts(self) -> FrameParts {
        match self {
            Self::Message { channel, route, json } => {
                let prefix = match route {
                    ChannelRoute::General => Bytes::from_static(&[0]),
                    ChannelRoute::Related(request) => {
                        let mut prefix = BytesMut::with_capacity(request.len().saturating_add(5));
                        prefix.put_u8(1);
                        put_block(&mut prefix, &request);
                        prefix.freeze()
                    }
                };
                FrameParts { kind: TO_GATEWAY_MESSAGE, channel, prefix, tail: json }
            }
            Self::Closed { channel, reason } => FrameParts::plain(CLOSED, channel, reason.into()),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Message { json, .. } => json.len(),
            Self::Closed { .. } => 0,
        }
    }

    fn from_payload(kind: u8, channel: ChannelId, mut payload: Bytes) -> Result<Self, FrameError> {
        match kind {
            TO_GATEWAY_MESSAGE => {
                let route = match payload.try_get_u8() {
                    Ok(0) => ChannelRoute::General,
                    Ok(1) => ChannelRoute::Related(take_block(&mut payload)?),
                    _ => return Err(FrameError::Malformed),
                };
                Ok(Self::Message { channel, route, json: payload })
            }
            CLOSED => {
                let reason = std::str::from_utf8(&payload).map_err(|_| FrameError::Malformed)?.to_owned();
                Ok(Self::Closed { channel, reason })
            }
            _ => Err(FrameError::UnknownKind(kind)),
        }
    }
}

/// Writes a block inside a payload: its length as `u32`, then its bytes.
fn put_block(out: &mut BytesMut, block: &[u8]) {
    out.put_u32(u32::try_from(block.len()).unwrap_or(u32::MAX));
    out.put_slice(block);
}

fn take_block(payload: &mut Bytes) -> Result<Bytes, FrameError> {
    let length = payload.try_get_u32().map_err(|_| FrameError::Malformed)?;
    match usize::try_from(length) {
        Ok(length) if length <= payload.len() => Ok(payload.split_to(length)),
        _ => Err(FrameError::Malformed),
    }
}

pub(crate) fn from_json<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, FrameError> {
    serde_json::from_slice(payload).map_err(|_| FrameError::Malformed)
}
