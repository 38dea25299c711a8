//! Verification of releases of the browser enclave, from raw bytes to a verified release.
//!
//! A release is a module, a page and the headers to serve them with. A manifest names them by digest. The manifest is
//! signed (Sigstore) and logged (a C2SP log with witnesses).
//!
//! Invariant: **a [`VerifiedRelease`] exists only if every layer passed**, in this order. The expected identity signed
//! the manifest. The expected log contains it, with the quorum's cosignatures. The manifest is well formed, not expired
//! and not older than one used before. It lists the module's bytes as allowed.
//!
//! ```text
//! ReleaseEvidence ─ReleasePolicy::manifest─▶ TrustedManifest ─module─▶ VerifiedRelease
//!                                    ├─ page, headers file, served headers: the same release, part by part
//! ```
//!
//! Every rejection names its [`Layer`] and a stable code. Time and earlier state are arguments; the caller stores
//! [`RollbackState`]. The crate uses no network, clock or file, so it works offline and in the browser.
//!
//! Exception: the dependency of `briefcase-sigstore` reads the machine's clock to reject times in the future.

mod error;
mod headers;
mod manifest;
mod policy;
mod trusted;

pub use error::{Layer, ReleaseError};
pub use headers::HeadersFile;
pub use manifest::{Release, ReleaseManifest, ReleaseStatus};
pub use policy::{ReleaseEvidence, ReleasePolicy, RollbackState};
pub use trusted::{TrustedManifest, VerifiedRelease};

/// The manifest's path under an enclave's origin.
pub const MANIFEST_PATH: &str = ".well-known/kms-manifest.json";
/// The path of the manifest's signature.
pub const BUNDLE_PATH: &str = ".well-known/kms-manifest.sigstore.json";
/// The path of the manifest's log proof.
pub const PROOF_PATH: &str = ".well-known/kms-manifest.tlog-proof";
/// The path of the headers file for static hosts. They read it but do not serve it.
pub const HEADERS_PATH: &str = "_headers";
/// The path of the same bytes for verifiers.
pub const HEADERS_COPY_PATH: &str = ".well-known/kms-headers.txt";
/// The page's path.
pub const PAGE_PATH: &str = "kms.html";

/// The path of the module with this digest. The digest is part of its name.
#[must_use]
pub fn module_path(digest: &briefcase_types::Digest) -> String {
    format!("artifacts/kms-{}.mjs", hex(digest))
}

/// A digest in the notation of `sha256sum`.
#[must_use]
pub fn hex(digest: &briefcase_types::Digest) -> String {
    digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a digest in the notation of `sha256sum`.
#[must_use]
pub fn unhex(text: &str) -> Option<briefcase_types::Digest> {
    let nibble = |letter: u8| match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes =
        pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect::<Option<Vec<_>>>()?;
    bytes.try_into().ok().filter(|_| rest.is_empty()).map(briefcase_types::Digest::from_bytes)
}
