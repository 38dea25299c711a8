//! The Rust core of the browser enclave: one door, messages in and out, no other way to it.
//!
//! Invariants: **an operation gives a new state together with what it releases**, so that the worker can store the one
//! before it lets the other go; and the only points where an operation waits are those that need a key which WebCrypto
//! holds. Everything else is the same code as in the daemon. No wasm-bindgen: the one import is randomness, the exports
//! are listed in `state.rs`, and `state.ts` is the typed side of them.

mod codec;
mod documents;
mod executor;
#[cfg(target_arch = "wasm32")]
mod exports;
mod failure;
mod host_calls;
mod operations;
mod sessions;

pub use executor::{Executor, Status};
