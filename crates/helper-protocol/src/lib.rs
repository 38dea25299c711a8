//! The protocol between the daemon and its helper programs, such as `briefcase-jail`.
//!
//! A helper is a small program for one task whose code the daemon must not link. This crate contains the messages, the
//! frames and the helper's end. It has no async runtime, so that a helper stays small. The daemon's end is
//! `briefcase-helper-process`.
//!
//! # The protocol
//!
//! 1. **Start.** The daemon starts the helper with one end of a socket pair as its standard input, an empty environment
//!    and no arguments. The kernel kills the helper when the daemon dies ([`DaemonChannel::open`]).
//! 2. **Handshake.** The helper writes a [`HelperHello`]: protocol number, name, version. The message also means "ready".
//!    The daemon sends nothing, and no secret above all, before it has checked the three.
//! 3. **Work.** The daemon writes a request, perhaps with file descriptors. The helper sends one or more replies. A reply
//!    is a `Result`, with an error type of the helper's own.
//! 4. **End.** Either side ends the conversation by closing the socket.
//!
//! Invariants:
//!
//! - **Each wait has a deadline.** The daemon gives up on a silent helper and kills it.
//! - **A crash is an error.** A socket that closes before an expected reply is a crash, never a success.
//! - **One message is bounded.** A longer frame than [`FRAME_MAX`] ends the conversation.
//!
//! Each message is one frame: four bytes of length, most significant first, then JSON. Descriptors travel with the first
//! byte of their frame.

mod channel;
mod frame;
pub mod launch;

use serde::{Deserialize, Serialize};

pub use channel::{DaemonChannel, DaemonChannelError};
pub use frame::{DESCRIPTORS_MAX, FRAME_MAX, HEADER, HelperFrameError, encode, payload_length};

/// The version of this protocol.
pub const PROTOCOL: u32 = 1;

/// The first message: the helper's identity and its readiness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperHello {
    /// The protocol that the helper speaks: [`PROTOCOL`].
    pub protocol: u32,
    /// The name of the program.
    pub helper: String,
    /// The version of the program.
    pub version: String,
}
