//! Sessions from the view of their users and attackers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::as_conversions,
    reason = "tests say what they expect"
)]

mod agreement;
mod attacks;
mod crash;
mod model;
mod party;
mod prekeys;
mod primitives;
mod state;
mod vectors;
