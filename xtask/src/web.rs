//! The checks of web/: every required script of its package.json.

use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::workspace;

const SCRIPTS: [&str; 4] = ["lint", "typecheck", "build", "test"];

/// Lint, type-check, build and test.
pub fn run(_: &[String]) -> Result<(), Failure> {
    let dir = workspace::root().join("web");
    if !dir.join("package.json").is_file() {
        return Err(Failure::new("web/package.json is missing"));
    }
    node::install(&dir)?;
    for script in SCRIPTS {
        Step::new("npm").args(["run", "--silent", script]).dir(&dir).run()?;
    }
    Ok(())
}
