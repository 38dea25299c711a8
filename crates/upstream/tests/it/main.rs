//! The pool against real peers (rmcp, both eras, both transports) and against peers that lie.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "tests state what they expect"
)]

mod harness;
mod hostile_http;
mod hostile_stdio;
mod http_sse;
mod jail;
mod peer;
mod real;
