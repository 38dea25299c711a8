//! Bundles from other implementations, intact and tampered with.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

mod mock;
mod public;
mod tamper;

use briefcase_test_data::shipped_file;

/// A real bundle, or the blob that it signs, as a crate of the Sigstore project ships it for its own tests.
fn public_file(name: &str) -> Vec<u8> {
    match name {
        "bundle_v3.json" => shipped_file("sigstore-bundle", "tests/fixtures/bundle_v3.json"),
        _ => shipped_file("sigstore-verify", &format!("test_data/bundles/{name}")),
    }
}

/// The root of the public Sigstore instance, as the verifier's own package carries it.
fn public_root() -> briefcase_sigstore::TrustedRoot {
    let root = sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
    briefcase_sigstore::TrustedRoot::parse(root.as_bytes()).unwrap()
}

/// The root of Sigstore's staging instance, as the verifier's own package carries it. Two of the three bundles are of
/// that instance: the public root rejects them, and this one accepts them.
fn staging_root() -> briefcase_sigstore::TrustedRoot {
    let root = sigstore_verify::trust_root::SIGSTORE_STAGING_TRUSTED_ROOT;
    briefcase_sigstore::TrustedRoot::parse(root.as_bytes()).unwrap()
}
