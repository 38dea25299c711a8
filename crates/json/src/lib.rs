//! Strict JSON parsing and canonical JSON output.
//!
//! Every decision about a call is bound to a digest of JSON text, so no two programs may read that text differently.
//! Invariant: **text that [`parse_strict`] accepts has one meaning, and [`canonical`] writes that meaning in one way**
//! (RFC 8785). Text that two parsers could read differently is rejected, never repaired: a repeated member name, a
//! number that a double cannot represent, a lone surrogate.
//!
//! Three readers share one grammar:
//! - [`parse_strict`] for text from an agent: builds a tree, and rejects every number that some reader cannot
//!   represent.
//! - [`parse_relayed`] for text from an upstream server whose content matters, such as tool definitions.
//! - [`scan`] for messages that are relayed byte for byte: the same checks, without a tree.
//!
//! All three stop at the first byte beyond a limit, so a hostile document costs no more than its limits allow.
//!
//! [`raw`] finds and changes members of text that [`scan`] accepted, without a tree.

mod canonical;
mod error;
mod limits;
mod number;
pub mod pointer;
pub mod raw;
mod scanner;
mod tree_builder;

pub use canonical::{canonical, write_canonical, write_string};
pub use error::{JsonError, Reason};
pub use limits::JsonLimits;
use serde_json::Value;

/// Reads text from an agent into a tree. Rejects everything that two parsers could read differently.
///
/// A number with an integer value becomes an integer (`1.0` becomes `1`), so parsing the canonical form gives the same
/// tree again.
///
/// # Errors
/// [`JsonError`] with the reason and the position where reading stopped.
pub fn parse_strict(bytes: &[u8], limits: &JsonLimits) -> Result<Value, JsonError> {
    scanner::document::<tree_builder::Strict>(bytes, limits)
}

/// Reads text from an upstream server into a tree. Works like [`parse_strict`], but accepts any number that serde_json
/// can represent.
///
/// # Errors
/// [`JsonError`] with the reason and the position where reading stopped.
pub fn parse_relayed(bytes: &[u8], limits: &JsonLimits) -> Result<Value, JsonError> {
    scanner::document::<tree_builder::Relayed>(bytes, limits)
}

/// Checks a message that is relayed unchanged: well formed, within limits, without repeated member names. Builds no
/// tree. Numbers are not checked, because their digits are relayed as text.
///
/// # Errors
/// [`JsonError`] with the reason and the position where reading stopped.
pub fn scan(bytes: &[u8], limits: &JsonLimits) -> Result<(), JsonError> {
    scanner::document::<tree_builder::Skip>(bytes, limits)
}
