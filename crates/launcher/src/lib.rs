//! Starts local MCP servers through `briefcase-jail`.
//!
//! [`JailLauncher`] implements [`briefcase_ports::Launcher`]. The helper becomes the server, so no process stays
//! between the daemon and the server; a start costs one more `exec`. Invariants:
//!
//! - A child is reported as started only after `exec` succeeded.
//! - A child dies with the daemon. Dropping its handle kills it.
//! - Secrets in the environment are sent only after the helper's handshake, and the buffers that held them are wiped.

mod child;
mod jail;

pub use jail::{JAIL, JailLauncher};
