//! The approval queue's own source, compiled once more, and a model of it: `stateright` walks every order of asking, answering, expiring,
//! cancelling, failing to record and crashing, and each step is taken by the real code as well.
//!
//! Invariant: production code is not changed for this. The module is included by its path, so that what only its crate may call
//! can be called here.
// The included module brings unit tests of its own, which are not meant for here.
#![cfg(not(test))]
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "what cannot go on fails the test")]

#[path = "../../../crates/engine/src/approvals/mod.rs"]
pub mod approvals;
pub mod lifecycle;
mod real;
