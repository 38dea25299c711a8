//! The approval queue's own source, compiled again, and a model of it. `stateright` explores every order of requests,
//! decisions, expiry, cancellation, failing records and crashes, and the real code takes each step as well.
//!
//! Invariant: production code is unchanged. The module is included by its path, so that its crate-private functions can
//! be called here.
// The unit tests of the included module do not run here.
#![cfg(not(test))]
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a failed step fails the test")]

#[path = "../../../crates/engine/src/approvals/mod.rs"]
pub mod approvals;
pub mod lifecycle;
mod real;
