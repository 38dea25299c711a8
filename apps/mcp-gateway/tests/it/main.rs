//! The program from the view of an agent, a hostile page and the daemon.
//!
//! The daemon here is a test double built on the server half of the socket. The end-to-end tests use the real one.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a failed expectation fails the test"
)]

mod abuse;
mod client;
mod daemon;
mod legacy;
mod listener;
mod modern;
mod smuggling;
mod stdio;
