//! Data for tests: hostile texts, ordinary outputs, files that crates of the registry ship, and folders beside the
//! checkout.
//!
//! For tests only: nothing that ships may depend on this crate (checked by `cargo xtask layers`).
//!
//! Invariant: a default test reads the checkout and the crates of `Cargo.lock`, nothing else. A folder beside the checkout
//! gives an additional run, and one line of the log says whether that run took place.
#![expect(clippy::expect_used, clippy::panic, reason = "missing data fails the test, with its place")]

mod additional;
pub mod ordinary;
mod shipped;
mod texts;

use std::path::{Path, PathBuf};

pub use additional::AdditionalRun;
pub use shipped::{shipped_file, shipped_folder};
pub use texts::{Corpora, LabelledText};

/// The root of the checkout.
fn checkout() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    crates.and_then(Path::parent).expect("the crate lies in the checkout").to_owned()
}
