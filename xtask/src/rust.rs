//! Cargo's own checks, and the tests of all crates.

use std::time::Instant;

use crate::ci::shown;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::programs::{self, TestProgram};
use crate::step::Step;
use crate::{silent, workspace};

/// The package of the end-to-end tests.
const E2E: &str = "e2e";

/// The packages that read dates: certificates, signed entries, manifests, tokens, and the programs with them.
const DATED: [&str; 9] = [
    "briefcase",
    "briefcase-enclave",
    "briefcase-log",
    "briefcase-presence",
    "briefcase-push",
    "briefcase-release",
    "briefcase-sigstore",
    "briefcase-tlog",
    "briefcase-release-verifier",
];

/// `cargo fmt --check` over the workspace and the fuzz targets.
pub fn fmt(_: &[String]) -> Result<(), Failure> {
    Step::cargo().args(["fmt", "--all", "--check"]).run()
}

/// Clippy over every target; a warning is a failure.
pub fn clippy(_: &[String]) -> Result<(), Failure> {
    Step::cargo().args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()
}

/// All tests but the end-to-end ones, which have their own step. `--package NAME` runs those of one package.
pub fn test(args: &[String]) -> Result<(), Failure> {
    silent::check()?;
    programs::build(&[])?;
    let only = workspace::option(args, "--package");
    let chosen = |program: &TestProgram| match only {
        Some(only) => program.package == only,
        None => program.package != E2E,
    };
    run(&chosen, |step| step)?;
    if only.is_none() { documented() } else { Ok(()) }
}

/// The tests that drive the real programs. Arguments are passed on to the test program.
pub fn e2e(args: &[String]) -> Result<(), Failure> {
    programs::build(&[])?;
    run(&|program| program.package == E2E, |step| step.args(args))
}

/// The tests of code that reads dates, with the clock two years ahead. `--all` runs the tests of all crates.
pub fn ahead(args: &[String]) -> Result<(), Failure> {
    programs::build(&[])?;
    let clock = Clock::ahead()?;
    let variables = clock.variables();
    let all = workspace::flag(args, "--all");
    let told = Step::new("date").args(["+%Y-%m-%d"]).envs(&variables).read()?;
    println!("ahead: the date of the tests is {}", told.trim());
    run(&|program| all || DATED.contains(&program.package.as_str()), |step| step.envs(&variables))
}

/// Runs the chosen test programs, each to its end. Fails when one has failed.
fn run(chosen: &dyn Fn(&TestProgram) -> bool, with: impl Fn(Step) -> Step) -> Result<(), Failure> {
    let programs: Vec<TestProgram> = programs::tests()?.into_iter().filter(chosen).collect();
    if programs.is_empty() {
        return Err(Failure::new("no test program is chosen"));
    }
    let mut failed = Vec::new();
    for program in &programs {
        println!("     Running {} ({})", program.name, program.package);
        let began = Instant::now();
        if with(program.step()).run().is_err() {
            failed.push(format!("{} ({})", program.name, program.package));
        }
        println!("     Ran {} ({}) in {}", program.name, program.package, shown(began.elapsed()));
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(format!("tests failed: {}", failed.join(", ")))) }
}

/// The tests in doc comments: each is a misuse that must not compile.
fn documented() -> Result<(), Failure> {
    programs::cargo()?.args(["test", "--doc", "--locked", "--workspace"]).run()
}
