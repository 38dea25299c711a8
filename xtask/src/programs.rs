//! The programs themselves: building what the tests start, and the main job in front of a person.

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// Every program that a test starts as a process.
const STARTED_BY_TESTS: [&str; 5] =
    ["briefcased", "mcp-gateway", "briefcase", "fixture-conformance", "briefcase-testkit"];

/// Builds, unoptimised, the programs that tests start.
pub fn build(_: &[String]) -> Result<(), Failure> {
    build_only(&STARTED_BY_TESTS)
}

/// Builds the programs of these packages, unoptimised.
pub fn build_only(packages: &[&str]) -> Result<(), Failure> {
    let mut step = Step::cargo().args(["build", "--locked", "--bins"]);
    for package in packages {
        step = step.args(["--package", package]);
    }
    step.run()
}

/// Builds the release programs and runs the main job with them; arguments go to `briefcase demo`.
pub fn demo(args: &[String]) -> Result<(), Failure> {
    crate::node::fixtures()?;
    Step::cargo()
        .args(["build", "--locked", "--release", "-p", "briefcased", "-p", "mcp-gateway", "-p", "briefcase"])
        .run()?;
    let briefcase = workspace::target().join("release").join("briefcase");
    let mut command = Step::new(briefcase).args(["demo"]).args(args).into_command();
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("the demo stopped ({status})"))) }
}
