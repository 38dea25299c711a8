//! The parts of the programs that depend on the operating system: local sockets with known peers, and process
//! hardening.
//!
//! Each function has one signature on every system. What only Linux offers is marked with `cfg(target_os = "linux")`
//! next to the portable variant, so another system needs one more variant and no change in a caller.
//!
//! Invariant: a socket is bound only in a private folder, by one process at a time, and never over an object of another
//! program.
//!
//! Invariant: no byte is exchanged with a process of another user. The kernel names the peer; the peer's own claims do
//! not count.

mod boot_time;
mod connection;
pub mod descriptors;
mod error;
pub mod hardening;
mod listener;
pub mod loopback;
mod peer;
pub mod user;

pub use boot_time::boot_time;
pub use connection::connect;
pub use error::LocalSocketError;
pub use listener::LocalListener;
pub use peer::{Peer, PeerError};
