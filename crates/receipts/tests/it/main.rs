//! Receipts, for an owner, an auditor and an attacker.
#![expect(clippy::unwrap_used, clippy::panic, clippy::as_conversions, reason = "tests say what they expect")]

mod binary;
mod checkpoint;
mod form;
#[expect(clippy::indexing_slicing, reason = "sizes and indexes are those of the test's own log")]
mod merkle;
mod proof;
mod sample;
mod verify;

use std::path::Path;

/// A file of the repository's shared vectors.
fn vector(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/receipts").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
