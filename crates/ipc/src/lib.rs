//! The two local sockets: `agent.sock` between gateway and daemon, `admin.sock` for the CLI and the console.
//!
//! The sockets separate two kinds of authority: a connection on `agent.sock` acts only for an agent. This crate
//! protects both. A socket is bound only inside a private folder of the same user, never over an object of another
//! program. Each end checks the other end's user before any byte is exchanged.
//!
//! `agent.sock` carries a binary framing, `u32 BE length | u8 kind | u32 BE channel | payload`. JSON-RPC messages
//! travel as their original bytes. A channel is one MCP conversation; many channels share one connection. Both ends are
//! typed: [`AgentListener`] and [`GatewayConnection`] for the daemon, [`DaemonClient`] for the gateway.
//!
//! Invariants: no frame exceeds [`Frame::MAX_BYTES`]. Before the daemon accepts the connection, it reads nothing but a
//! [`Hello`]. The bytes that wait to be written are bounded; a sender waits at the limit. File descriptors sent along
//! are never received: reads leave no room for them, so the kernel closes them.

mod admin;
mod channel_id;
mod client;
mod codec;
mod connection_limit;
mod frame;
mod handshake;
mod paths;
mod server;
mod socket;
mod stream;
mod token;

pub use admin::AdminListener;
pub use briefcase_platform::{Peer, PeerError, user};
pub use channel_id::ChannelId;
pub use client::{ConnectError, DaemonClient};
pub use codec::{Frame, FrameCodec, FrameError, MAX_FRAME_BYTES};
pub use frame::{AgentTransport, ChannelRoute, OpenChannel, ToDaemon, ToGateway};
pub use handshake::{HandshakeRefusal, HandshakeReply, Hello, PROTOCOL, Welcome};
pub use paths::{MissingFolder, Paths};
pub use server::{AgentListener, GatewayConnection, IncomingConnection, PendingHandshake};
pub use socket::{ADMIN_SOCKET, AGENT_SOCKET, DirError, SocketError, connect};
pub use stream::{FrameReceiver, FrameSender, SendError};
pub use token::{AgentToken, TokenError};
