//! Mutation tests on the rules crates: a code change that no test detects is a missing test.

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

const CRATES: [&str; 6] = [
    "briefcase-json",
    "briefcase-types",
    "briefcase-policy",
    "briefcase-receipts",
    "briefcase-mcp",
    "briefcase-engine",
];

const VERSION: &str = "27.1.0";

/// Runs cargo-mutants on the rules crates, or on those of `--package NAME`. Installs it when needed.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let tools = workspace::cache()?.join("tools");
    let program = tools.join("bin/cargo-mutants");
    if !program.is_file() {
        Step::cargo()
            .args(["install", "--locked", "--quiet", "cargo-mutants", "--version", VERSION, "--root"])
            .args([&tools])
            .run()?;
    }
    let out = workspace::target().join("mutants");
    std::fs::create_dir_all(&out)?;
    let mut step = Step::new(program).args(["mutants", "--no-shuffle", "--output"]).args([&out]);
    if args.iter().any(|arg| arg == "--package" || arg == "-p") {
        step = step.args(args);
    } else {
        for name in CRATES {
            step = step.args(["--package", name]);
        }
        step = step.args(args);
    }
    step.run()
}
