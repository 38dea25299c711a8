//! An upstream MCP server that does what a script says, honest or hostile, and writes down what reached it: a test that
//! claims "nothing happened" asks this record.
//!
//! [`HttpUpstream`] runs in the test itself; [`StdioUpstream`] describes the `mock-upstream` program, whose script and
//! record are files. Both take a new script at any time.

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
