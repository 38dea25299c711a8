//! The record as an owner, an auditor and a forger meet it.
#![expect(clippy::unwrap_used, clippy::panic, clippy::as_conversions, reason = "tests say what they expect")]

mod binary;
mod checkpoint;
mod form;
mod log;
mod merkle_cases;
mod proof;
mod sample;
mod verify;

use std::path::{Path, PathBuf};

/// A file of the repository's shared vectors.
fn vector(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/receipts").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A folder of the data that lies beside the checkout.
fn shared_data(name: &str) -> PathBuf {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = checkout.ancestors().map(|folder| folder.join("shared/data").join(name)).find(|path| path.is_dir());
    beside.unwrap_or_else(|| panic!("there is no folder shared/data/{name} beside the checkout; this test needs it"))
}
