//! Licences, sources and duplicate versions of dependencies, by cargo-deny. Known vulnerabilities too, where a copy
//! of the advisory database lies in the cache: there is no other way to get it offline.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

const VERSION: &str = "0.20.2";

/// Runs the checks that need no network.
pub fn run(_: &[String]) -> Result<(), Failure> {
    let program = install()?;
    let database = workspace::cache()?.join("advisory-dbs");
    let mut step = Step::new(program).args(["--offline", "--locked", "check", "--hide-inclusion-graph"]);
    if database.is_dir() {
        step = step.args(["--disable-fetch", "advisories"]);
    } else {
        println!("deny: advisories not checked, there is no database at {}", database.display());
    }
    step.args(["bans", "licenses", "sources"]).run()
}

/// cargo-deny: the one on the machine, or the one in the cache, installed there when there is none.
pub fn install() -> Result<PathBuf, Failure> {
    let found = PathBuf::from("cargo-deny");
    if Step::new(&found).args(["--version"]).succeeds() {
        return Ok(found);
    }
    let tools = workspace::cache()?.join("tools");
    let program = tools.join("bin/cargo-deny");
    if !program.is_file() {
        println!("deny: building cargo-deny {VERSION} once, into {}", tools.display());
        Step::cargo()
            .args(["install", "--locked", "--quiet", "--no-default-features", "cargo-deny", "--version", VERSION])
            .args(["--root"])
            .args([&tools])
            .run()?;
    }
    Ok(program)
}
