//! The MCP server as its clients see it, with a scripted call handler.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "tests say what they expect"
)]

mod approvals;
mod bridges;
mod envelopes;
mod events;
mod handshake;
mod listening;
mod lists;
mod naming;
mod one_path;
mod retries;
mod tasks;
mod world;
