//! The Rust core of the browser enclave. Messages through the exports are its only interface.
//!
//! Invariants: **an operation returns the new state together with the data it releases**, so the worker can store the
//! state before it releases the data. An operation waits only for keys that WebCrypto holds. All other code is shared
//! with the daemon.
//!
//! The module uses no wasm-bindgen. Its one import is randomness; `exports.rs` lists the exports, and `bindings.ts` is
//! their typed side.

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
