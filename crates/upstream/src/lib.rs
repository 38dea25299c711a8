//! MCP clients: the one place where Briefcase speaks to servers it does not trust.
//!
//! A [`Pool`] opens one connection per (session, server) when it is first needed, in the era of the agent's client
//! where the server speaks it, and keeps these invariants:
//!
//! - **Nothing is shared between agents.** Connections, HTTP sessions, children, caches and event streams belong to one
//!   session, whatever a server says about caching.
//! - **Bytes are relayed.** A result is the server's own bytes, checked by `briefcase_json::scan` and never rebuilt.
//! - **A request is sent once.** A call that may have had an effect is never replayed; only plain reads are repeated,
//!   once, when a server has dropped the session.
//! - **A server cannot cost more than its limits**: message size and structure, pages, tools, notices per second,
//!   questions at once, lines without end, streams without end. What does not fit is dropped and counted, or ends the
//!   connection; other connections do not notice.
//! - **Secrets appear only while a header or a child's environment is being built**, and are never logged.

mod bridge;
mod child;
mod coalesce;
mod credentials;
mod directory;
mod duplex;
mod handshake;
mod http_wire;
mod inbound;
mod items;
mod lines;
mod link;
mod meter;
mod mirror;
mod params;
mod pool;
mod related;
mod running;
mod slot;
mod spec;
mod sse_wire;
mod stdio;
mod turns;

pub use directory::{Directory, NotReady, ServerEvent, Watcher};
pub use handshake::Greeting;
pub use items::ListKind;
pub use pool::{Pool, PoolParts};
pub use spec::{EnvValue, HeaderSpec, HeaderSpecError, ServerLimits, ServerSpec, Surroundings, Transport};
