//! The documents against a second implementation and against tampering.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::as_conversions,
    reason = "tests say what they expect"
)]

mod approval;
mod audit;
mod keys;
mod sample;
mod vapid;
