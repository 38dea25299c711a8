//! The protocol versions of the two eras.

use briefcase_types::Era;

/// Versions that start with `initialize`, oldest first.
pub const LEGACY_VERSIONS: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];
/// Versions that carry everything in each request, oldest first.
pub const MODERN_VERSIONS: [&str; 1] = ["2026-07-28"];
/// The `_meta` member that marks a modern request.
pub const PROTOCOL_VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

/// The era of a supported version; `None` for any other text.
#[must_use]
pub fn version_era(version: &str) -> Option<Era> {
    if LEGACY_VERSIONS.contains(&version) {
        Some(Era::Legacy)
    } else if MODERN_VERSIONS.contains(&version) {
        Some(Era::Modern)
    } else {
        None
    }
}
