//! The release verifier for browsers: `crates/release` as WebAssembly, behind a door of five operations.
//!
//! Invariant: **nothing is decided here.** Every answer is one of `briefcase-release`, which the command line links too,
//! so that bridge, extension and command line cannot disagree about what a release is. A copy of the module holds the one
//! manifest that it found good; a trap or a refusal leaves it with none.
//!
//! Built for `wasm32-wasip1`, for one reason: `sigstore-verify` asks the standard library for the time, which
//! `wasm32-unknown-unknown` does not have. `door.ts` gives the few imports that follow from it; the time is the one that
//! its caller passed in, and there are no files, arguments or variables.

mod executor;
#[cfg(target_arch = "wasm32")]
mod exports;
mod response;

pub use executor::{Executor, Failure};
