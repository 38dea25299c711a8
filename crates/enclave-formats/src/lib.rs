//! Forms that the browser enclave and the daemon share: what a key of each purpose signs, how keys are named, how the
//! audit log is linked.
//!
//! **Bytes have one writer.** The browser runs this same code as WebAssembly, so what is signed there is checked here
//! against the same form, and a form is read only when it is exactly what this code would have written: canonical JSON
//! (RFC 8785), every member known, every limit kept. Nothing here has a clock, randomness or I/O.

pub mod approval;
pub mod audit;
mod codec;
mod json_subset;
mod key;
pub mod vapid;

pub use codec::CodecError;
pub use key::{Es256Public, KeyError, RawPublicKey};
