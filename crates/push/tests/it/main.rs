//! Messages, leases and the sender, as browsers, enclaves and push services of every kind meet them.
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
