//! The two local sockets: `agent.sock` between gateway and daemon, `admin.sock` for people's programs.
//!
//! Two sockets are two worlds: what arrives at `agent.sock` can only speak for an agent. This crate keeps the ground
//! under both: a socket is bound only inside a private folder of the same user, never over something foreign, and every
//! connection on either end knows which user is at the other end before a byte is exchanged.
//!
//! On `agent.sock` runs a binary framing, `u32 BE length | u8 kind | u32 BE channel | payload`. JSON-RPC messages
//! travel in it as the bytes they are. A channel is one MCP conversation; many share one connection. Both halves are
//! typed: [`AgentListener`] and [`GatewayConnection`] for the daemon, [`DaemonClient`] for the gateway.
//!
//! Invariants: no frame beyond [`MAX_FRAME_BYTES`]; nothing but a [`Hello`] is read before the daemon has accepted it;
//! what waits to be written is bounded in bytes, and a sender waits instead of growing it. File descriptors sent along
//! are never received: reads carry no room for them, so the kernel closes them.

mod admin;
mod client;
mod codec;
mod connection_limit;
mod dir;
mod frame;
mod handshake;
mod paths;
mod peer;
mod server;
mod socket;
mod stream;
mod token;

pub use admin::AdminListener;
pub use client::{ConnectError, DaemonClient};
pub use codec::{Frame, FrameCodec, FrameError, MAX_FRAME_BYTES};
pub use dir::{DirError, RuntimeDir};
pub use frame::{AgentTransport, ChannelId, ChannelRoute, OpenChannel, ToDaemon, ToGateway};
pub use handshake::{HandshakeRefusal, HandshakeReply, Hello, PROTOCOL, Welcome};
pub use paths::{MissingFolder, Paths};
pub use peer::{Peer, PeerError};
pub use server::{AgentListener, GatewayConnection, IncomingConnection, PendingHandshake};
pub use socket::{ADMIN_SOCKET, AGENT_SOCKET, SocketError, connect};
pub use stream::{FrameReceiver, FrameSender, SendError};
pub use token::{AgentToken, TokenError};
