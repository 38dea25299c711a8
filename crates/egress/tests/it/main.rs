//! The client against servers that are slow, large, elsewhere, or not who they say they are.

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
