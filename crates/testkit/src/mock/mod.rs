//! An upstream MCP server that follows a script, honest or hostile, and records every received message. A test that
//! claims "nothing happened" checks this record.
//!
//! [`HttpUpstream`] runs in the test's process. [`StdioUpstream`] describes the `mock-upstream` program, whose script
//! and record are files. Both accept a new script at any time.

mod http;
mod message_sink;
mod record;
mod script;
mod server;
mod stdio;

pub use http::HttpUpstream;
pub use record::ReceivedMessage;
pub use script::{Coding, MockAction, Script, SupportedEras, ToolListChange, tool};
pub use stdio::{StdioUpstream, serve};
