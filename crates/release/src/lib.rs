//! The one path from bytes to “this is a release”.
//!
//! A release of the enclave is a module, a page and the headers they are served with. A manifest names them by digest; the
//! manifest is signed (Sigstore) and logged (a C2SP log with witnesses). The invariant: **a [`VerifiedRelease`] exists only
//! if every layer held**, in this order: manifest signed by the expected identity, logged under the expected log and
//! quorum, well formed, not expired, not older than what was seen before, and the module's bytes named in it as allowed.
//!
//! ```text
//! ReleaseEvidence ─ReleasePolicy::manifest─▶ TrustedManifest ─module─▶ VerifiedRelease
//!                                    ├─ page, headers file, served headers: the same release, part by part
//! ```
//!
//! Every refusal names its [`Layer`] and a code that stays the same across versions. Time and what was seen before are
//! arguments ([`RollbackState`] is what the caller stores); there is no network, clock or file in here, so it works offline and
//! in the browser. One exception is stated in `briefcase-sigstore`: its dependency looks at the machine's clock, to refuse
//! times in the future.

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

/// Where the manifest lies under an enclave's origin.
pub const MANIFEST_PATH: &str = ".well-known/kms-manifest.json";
/// Where its signature lies.
pub const BUNDLE_PATH: &str = ".well-known/kms-manifest.sigstore.json";
/// Where its log proof lies.
pub const PROOF_PATH: &str = ".well-known/kms-manifest.tlog-proof";
/// Where the headers file lies for hosts that read it. They do not serve it.
pub const HEADERS_PATH: &str = "_headers";
/// Where the same bytes lie for verifiers.
pub const HEADERS_COPY_PATH: &str = ".well-known/kms-headers.txt";
/// Where the page lies.
pub const PAGE_PATH: &str = "kms.html";

/// Where the module with this digest lies: its name is its digest.
#[must_use]
pub fn module_path(digest: &briefcase_types::Digest) -> String {
    format!("artifacts/kms-{}.mjs", hex(digest))
}

/// A digest as `sha256sum` writes it.
#[must_use]
pub fn hex(digest: &briefcase_types::Digest) -> String {
    digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a digest as `sha256sum` writes it.
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
