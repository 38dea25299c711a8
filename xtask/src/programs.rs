//! The programs themselves: building what the tests start.

use std::path::PathBuf;

use serde_json::Value;

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// Builds, unoptimised, everything that tests are or start.
///
/// Always the whole workspace with all targets: another selection of packages would be another selection of features,
/// and each step would build the dependencies again.
pub fn build(_: &[String]) -> Result<(), Failure> {
    Step::cargo().args(["build", "--locked", "--workspace", "--all-targets"]).run()
}

/// Builds, unless `--no-build` says to take the programs as they are.
pub fn build_unless_told(args: &[String]) -> Result<(), Failure> {
    if workspace::flag(args, "--no-build") { Ok(()) } else { build(&[]) }
}

/// The test program of the end-to-end tests, built with everything else.
pub fn e2e_tests() -> Result<PathBuf, Failure> {
    let told = Step::cargo()
        .args(["test", "--locked", "--workspace", "--all-targets", "--no-run", "--message-format", "json"])
        .read()?;
    let is_it = |message: &Value| {
        message.get("executable").is_some_and(Value::is_string)
            && message.pointer("/target/name").and_then(Value::as_str) == Some("it")
            && message
                .get("manifest_path")
                .and_then(Value::as_str)
                .is_some_and(|path| path.ends_with("/e2e/Cargo.toml"))
    };
    let messages = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let path = messages.filter(is_it).find_map(|message| message.get("executable")?.as_str().map(PathBuf::from));
    path.ok_or_else(|| Failure::new("cargo did not say where the end-to-end tests are"))
}
