//! Document formats that the browser enclave and the daemon share: the signed content of each key purpose, key ids, and
//! the linked audit log.
//!
//! **Each document has one encoding.** The browser runs this code as WebAssembly, so both sides sign and verify the
//! same format. A document is accepted only in the exact bytes that this code writes: canonical JSON (RFC 8785), with
//! known members only, within all limits. The crate has no clock, randomness or I/O.

pub mod approval;
pub mod audit;
mod codec;
mod json_subset;
mod key;
pub mod vapid;

pub use codec::CodecError;
pub use key::{Es256Public, KeyError, RawPublicKey};
