//! The client against servers that are slow, large, at other addresses, or impostors.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what they expect"
)]

mod addresses;
mod responses;
mod stage;
mod tls;
