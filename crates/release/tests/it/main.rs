//! A release as its maker, its users and its forgers meet it. The bundles are made by the Sigstore project's own client
//! against its mock services; log and witnesses are ours.
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
