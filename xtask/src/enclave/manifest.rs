//! The manifest of a build, as it is before a release signs it: one release, which is the current one.

use std::path::Path;

use serde_json::json;

use super::digest::Digest;
use crate::failure::Failure;

/// The manifest's text. What it says about a commit, a floor and an end is the release's to say: a build knows none of them.
pub fn text(_root: &Path, module: &Digest) -> Result<String, Failure> {
    let artifact = format!("artifacts/kms-{}.mjs", module.hex());
    let current = json!({ "sha256": module.hex(), "integrity": module.integrity(), "path": artifact });
    let manifest = json!({ "current": current, "allowed": [], "deprecated": [] });
    Ok(format!("{}\n", serde_json::to_string_pretty(&manifest)?))
}
