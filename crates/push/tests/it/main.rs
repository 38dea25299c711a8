//! Messages, leases and the sender from the view of browsers, enclaves and push services.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests say what they expect"
)]

mod content;
mod lease;
mod sample;
mod sending;
mod service;
mod subscription;
