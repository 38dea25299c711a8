//! The release verifier for browsers: `crates/release` as WebAssembly, with five operations.
//!
//! Invariant: **this crate decides nothing.** Every result comes from `briefcase-release`, which the command line links
//! too. So bridge, extension and command line cannot disagree about a release. An instance of the module holds the one
//! manifest that it verified; a trap or a refusal removes it.
//!
//! The target is `wasm32-wasip1` because `sigstore-verify` asks the standard library for the time, which
//! `wasm32-unknown-unknown` lacks. `wasm_instance.ts` supplies the few imports that follow. The time is the caller's;
//! there are no files, arguments or variables.

mod executor;
#[cfg(target_arch = "wasm32")]
mod exports;
mod response;

pub use executor::{Failure, VerifierExecutor};
