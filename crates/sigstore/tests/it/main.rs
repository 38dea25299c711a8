//! Bundles from other implementations, intact and tampered with.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

mod mock;
mod public;
mod tamper;

use std::path::{Path, PathBuf};

/// A folder of the data that lies beside the checkout.
fn shared_data(name: &str) -> PathBuf {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = checkout.ancestors().map(|folder| folder.join("shared/data").join(name)).find(|path| path.is_dir());
    beside.unwrap_or_else(|| panic!("there is no folder shared/data/{name} beside the checkout; this test needs it"))
}

fn public_file(name: &str) -> Vec<u8> {
    let path = shared_data("sigstore").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The root of Sigstore's staging instance, as the verifier's own package carries it. Two of the three bundles are of that
/// instance, so the public root has to refuse them; with this one they hold.
fn staging_root() -> briefcase_sigstore::TrustedRoot {
    let root = sigstore_verify::trust_root::SIGSTORE_STAGING_TRUSTED_ROOT;
    briefcase_sigstore::TrustedRoot::parse(root.as_bytes()).unwrap()
}
