//! Starts local MCP servers through `briefcase-jail`.
//!
//! [`JailLauncher`] implements [`briefcase_ports::Launcher`]. The helper becomes the server, so no process stays
//! between the daemon and the server; a start costs one more `exec`. A small process beside the server ends its process
//! group when the daemon was killed. Invariants:
//!
//! - A child is reported as started only after `exec` succeeded.
//! - A child and its process group die with the daemon. Dropping the child's handle kills them.
//! - Standard input and output are sockets, unless the command asks for pipes: no other process can open them.
//! - Secrets in the environment are sent only after the helper's handshake, and the buffers that held them are wiped.

mod child;
mod jail;
mod streams;

pub use jail::{JAIL, JailLauncher};
