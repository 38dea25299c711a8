//! The durability loops of tests/durability.

use crate::failure::Failure;
use crate::step::Step;
use crate::{programs, workspace};

/// Runs the kill loop and the write replay, together for `--seconds N`.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let seconds = workspace::option(args, "--seconds").unwrap_or("60");
    programs::build_unless_told(args)?;
    Step::new(workspace::target().join("debug/durability")).args(["all", "--seconds", seconds]).run()
}
