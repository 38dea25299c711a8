//! The MCP server that agents see, in both eras of the protocol.
//!
//! It turns raw client messages into requests to the [`Core`] and the core's answers into raw messages. It decides
//! nothing: names are split, handles are looked up, and everything else is the core's.
//!
//! Invariants:
//! - A request is routed by the split of its name at the first `__` (tools, prompts) or `+` (resources) and by nothing
//!   else; never by what a server says of itself.
//! - What a server said is passed on byte for byte. Only the values that have to change (names, URIs, handles, tokens)
//!   are replaced in place; unknown members and the order of keys survive.
//! - Task ids and request states that leave are 128-bit handles of one agent. For anyone else, and once spent, they are
//!   as unknown as any other text.
//! - No input makes it panic, and nothing grows without a bound.
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
//! The codes lie outside the range that JSON-RPC reserves, as MCP asks for codes of one's own. A server's own JSON-RPC
//! error is an answer, not a refusal, and is passed on; `-32002` (unknown resource) becomes `-32602` for modern clients.

mod abilities;
mod answer;
mod approval;
mod ask;
mod calls;
mod capability;
mod conversation;
mod core;
mod events;
mod finish;
mod handle;
mod incoming;
mod initialize;
mod listen;
mod lists;
mod names;
mod notices;
mod outlet;
mod param_headers;
mod parked;
mod refusal;
mod rewrite;
mod running;
mod settings;
mod splice;
mod surface;
mod tasks;
mod verbs;

pub use self::core::{
    Continuation, Core, Follow, ListMethod, Operation, Outcome, Request, ServerEvent, UpstreamInfo, Verdict, Watch,
};
pub use conversation::Conversation;
pub use names::View;
pub use outlet::{Outlet, Route};
pub use settings::Settings;
pub use surface::Surface;
