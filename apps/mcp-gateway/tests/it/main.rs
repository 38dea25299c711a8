//! The program as an agent, a hostile page and the daemon see it.
//!
//! The daemon here is a double built on the server half of the socket; the real one is tested end to end elsewhere.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says what it expects"
)]

mod abuse;
mod client;
mod daemon;
mod legacy;
mod listener;
mod modern;
mod smuggling;
mod stdio;
