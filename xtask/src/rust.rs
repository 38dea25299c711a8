//! The checks that are cargo's own.

use crate::failure::Failure;
use crate::programs;
use crate::step::Step;
use crate::workspace;

/// `cargo fmt --check` over the workspace and the fuzz targets.
pub fn fmt(_: &[String]) -> Result<(), Failure> {
    Step::cargo().args(["fmt", "--all", "--check"]).run()
}

/// Clippy over every target; a warning is a failure.
pub fn clippy(_: &[String]) -> Result<(), Failure> {
    Step::cargo().args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()
}

/// All tests but the end-to-end ones, which have their own step.
pub fn test(_: &[String]) -> Result<(), Failure> {
    programs::build(&[])?;
    Step::cargo().args(["test", "--locked", "--workspace", "--exclude", "e2e"]).run()
}

/// The tests that drive the real programs. Arguments are passed on to the test program.
pub fn e2e(args: &[String]) -> Result<(), Failure> {
    programs::build(&[])?;
    let dir = workspace::root().join("tests/e2e");
    Step::new(programs::e2e_tests()?).args(args).dir(&dir).env("CARGO_MANIFEST_DIR", &dir).run()
}
