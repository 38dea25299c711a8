//! A release for its maker, its users and attackers. The Sigstore project's own client makes the bundles against its
//! mock services. The log and the witnesses are this project's.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests say what they expect"
)]

mod cases;
mod headers;
mod layers;
mod manifest;
#[path = "../../../../tests/fixtures/sigstore-mock/mock.rs"]
mod mock;
mod policy;
mod public;
mod vectors;
mod world;
