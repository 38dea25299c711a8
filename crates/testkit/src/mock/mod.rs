//! An upstream MCP server that does what a script says, honest or hostile, and writes down what reached it: a test that
//! claims "nothing happened" asks this record.
//!
//! [`HttpUpstream`] runs in the test itself; [`StdioUpstream`] describes the `mock-upstream` program, whose script and
//! record are files. Both take a new script at any time.

mod effect;
mod engine;
mod http;
mod script;
mod stdio;
mod wire;

pub use effect::Effect;
pub use http::HttpUpstream;
pub use script::{Act, Coding, Script, Speaks, Turn, tool};
pub use stdio::{StdioUpstream, serve};
