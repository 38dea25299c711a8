//! Strict JSON in, canonical JSON out.
//!
//! Everything Briefcase decides about a call is bound to a digest of JSON text, so no two programs may read that text
//! differently. The invariant of this crate: **what [`parse_strict`] accepts has one meaning, and [`canonical`] writes
//! that meaning in one way** (RFC 8785). Text that two parsers could read differently (a repeated member name, a number
//! that a double cannot hold, half a surrogate pair) is refused, not repaired.
//!
//! Three readers share one grammar:
//! - [`parse_strict`] for text from an agent: builds a tree, refuses every number that is not exact everywhere.
//! - [`parse_relayed`] for text from an upstream server that has to be looked into, such as tool definitions.
//! - [`scan`] for messages that are passed on byte for byte: the same checks, no tree.
//!
//! All stop at the first byte that breaks a limit, so a hostile document costs no more than its limits allow.
//!
//! [`raw`] finds and changes members of text that [`scan`] accepted, without a tree.

mod canonical;
mod error;
mod limits;
mod number;
pub mod raw;
mod scanner;
mod shape;

pub use canonical::{canonical, write_canonical, write_string};
pub use error::{JsonError, Reason};
pub use limits::Limits;
use serde_json::Value;

/// Reads text from an agent into a tree, refusing everything that two parsers could read differently.
///
/// Numbers come out as integers when their value is one (`1.0` is `1`), so that parsing the canonical form gives the
/// same tree again.
///
/// # Errors
/// [`JsonError`] with the reason and the byte where reading stopped.
pub fn parse_strict(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    scanner::document::<shape::Strict>(bytes, limits)
}

/// Reads text from an upstream server into a tree: as [`parse_strict`], but any number that serde_json can hold.
///
/// # Errors
/// [`JsonError`] with the reason and the byte where reading stopped.
pub fn parse_relayed(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    scanner::document::<shape::Relayed>(bytes, limits)
}

/// Checks a message that is passed on as it is: well formed, within limits, no repeated member names. Builds no tree and
/// leaves numbers alone, as nothing but their digits is passed on.
///
/// # Errors
/// [`JsonError`] with the reason and the byte where reading stopped.
pub fn scan(bytes: &[u8], limits: &Limits) -> Result<(), JsonError> {
    scanner::document::<shape::Skip>(bytes, limits)
}
