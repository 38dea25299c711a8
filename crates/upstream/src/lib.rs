//! MCP clients: the one place where Briefcase speaks to servers it does not trust.
//!
//! A [`Pool`] opens one connection per owner and server when it is first needed, in the era of the agent's client
//! where the server speaks it. The owner is a session today ([`Sharing`](briefcase_ports::Sharing)). It keeps these invariants:
//!
//! - **Nothing is shared between agents.** Connections, HTTP sessions, children, caches and event streams belong to one
//!   owner, whatever a server says about caching.
//! - **Bytes are relayed.** A result is the server's own bytes, checked by `briefcase_json::scan` and never rebuilt.
//! - **A request is sent once.** A call that may have had an effect is never replayed. Only plain reads are repeated, once,
//!   when a server has ended the session; and any request that the server rejected for its authorization, once, when
//!   there is another one to offer.
//! - **A server cannot cost more than its limits**: message size and structure, pages, tools, notifications per second,
//!   open requests, lines without end, streams without end. What exceeds a limit is dropped and counted, or ends the
//!   connection; other connections are not affected.
//! - **Secrets appear only while a header or a child's environment is being built**, and are never logged.

mod capabilities;
mod child_environment;
mod connection;
mod credentials;
mod debounce;
mod failure;
mod handshake;
mod http_target;
mod identity;
mod in_flight;
mod limits;
mod list_cache;
mod list_kind;
mod log_end;
mod loopback_guard;
mod mcp_headers;
mod mrtr;
mod pagination;
mod params;
mod pool;
mod rate_limit;
mod reconnect;
mod request_context;
mod server_messages;
mod session_server;
mod singleflight;
mod transport;

pub use child_environment::ChildEnvironment;
pub use http_target::http_target;
pub use loopback_guard::loopback_listener;
pub use pool::{Pool, PoolParts};
