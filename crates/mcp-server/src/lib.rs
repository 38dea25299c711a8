//! The MCP server that agents see, in both eras of the protocol.
//!
//! It turns messages of clients into calls of the [`CallHandler`](briefcase_ports::CallHandler), and the outcomes into
//! responses. It decides nothing: it splits names, looks up handles, and leaves everything else to the handler.
//!
//! Invariants:
//! - The split of a name at the first `__` (tools, prompts) or `+` (resources) alone routes a request; a server's claims
//!   about itself never do.
//! - A server's messages are passed on byte for byte. Only names, URIs, handles and tokens are replaced in place; unknown
//!   members and the order of keys survive.
//! - Task ids and request states that leave are 128-bit handles of one agent. Another agent's handle and a spent handle
//!   are unknown, like any other text.
//! - No input causes a panic, and everything that grows has a limit.
//!
//! # Refusals on the wire
//!
//! | where | shape |
//! |---|---|
//! | `tools/call` | a result with `isError: true`, one text block, and `structuredContent` `{code, reason, message, next_step, receipt?, approval?}` |
//! | any other method, `invalid_args` | error `-32602`, the same object as `data` |
//! | any other method, `unavailable` | error `-31999`, the same object as `data` |
//! | any other method, any other code | error `-31998`, the same object as `data` |
//!
//! The codes lie outside the range that JSON-RPC reserves, as MCP asks for own codes. A server's own JSON-RPC error is a
//! reply, not a refusal, and is passed on; `-32002` (unknown resource) becomes `-32602` for modern clients.
//!
//! # Reading order
//!
//! `connection` takes a message, `dispatch` routes it, and one of the `handlers` answers it. `connection_state` is the data
//! they share; `in_flight` and `suspended` are the calls between client and server and know no connection.

mod approval;
mod client_capabilities;
mod client_requests;
mod client_sink;
mod config;
mod connection;
mod connection_state;
mod dispatch;
mod edit;
mod handle;
mod handlers;
mod in_flight;
mod logging;
mod mcp_server;
mod methods;
mod notifications;
mod null_members;
mod param_headers;
mod rate_limit;
mod refusal;
mod reply;
mod request;
mod response;
mod rewrite;
mod server_capabilities;
mod services;
mod session_index;
mod subscriptions;
mod suspended;
mod task_handles;
mod view;

pub use client_sink::{ClientSink, Route};
pub use config::Config;
pub use connection::ClientConnection;
pub use mcp_server::McpServer;
pub use view::View;
