//! Every measurement of `docs/benchmarks.md`: builds the programs, fetches the other bridges, and starts `tests/bench`.
//!
//! The other bridges are installed in the target folder only, in the versions that `tests/fixtures/npm-peers` and `tests/bench/pip-peers.txt` pin.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// Other bridges from PyPI. `tests/bench/pip-peers.txt` has their versions and those of their dependencies.
const PIP: [&str; 2] = ["mcp-proxy", "fastmcp"];

/// Builds and measures. `--quick` measures less; `--no-peers` leaves the other bridges out; `--only PART` measures one part.
pub fn run(args: &[String]) -> Result<(), Failure> {
    Step::cargo()
        .args([
            "build",
            "--locked",
            "--release",
            "-p",
            "briefcased",
            "-p",
            "mcp-gateway",
            "-p",
            "briefcase",
            "-p",
            "briefcase-enclave",
            "-p",
            "bench",
        ])
        .run()?;
    Step::cargo().args(["build", "--locked", "--release", "-p", "briefcase-receipts", "--bins", "--examples"]).run()?;
    let mut step = Step::new(workspace::target().join("release").join("bench"));
    if workspace::flag(args, "--quick") {
        step = step.args(["--quick"]);
    }
    let only = workspace::option(args, "--only");
    if let Some(part) = only {
        step = step.args(["--only", part]);
    }
    if !workspace::flag(args, "--no-peers") && only.is_none_or(|part| part == "peers") {
        let folder = peers()?;
        step = step.args(["--peers"]).args([folder]);
    }
    step.run()
}

/// Returns the folder with the other bridges, and fills it when needed.
fn peers() -> Result<PathBuf, Failure> {
    let npm = workspace::root().join("tests/fixtures/npm-peers");
    crate::node::install(&npm)?;
    let folder = workspace::target().join("peers");
    std::fs::create_dir_all(&folder)?;
    let link = folder.join("npm");
    if !link.exists() {
        std::os::unix::fs::symlink(&npm, &link)?;
    }
    pip(&folder.join("pip"))?;
    Ok(folder)
}

/// Installs the bridges from PyPI into an environment of their own, unless these versions are installed.
fn pip(folder: &Path) -> Result<(), Failure> {
    let versions = workspace::root().join("tests/bench/pip-peers.txt");
    let (wanted, stamp) = (std::fs::read(&versions)?, folder.join(".versions"));
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    crate::setup::python_environments()?;
    Step::new("python3").args(["-m", "venv", "--clear"]).args([folder]).run()?;
    Step::new(folder.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "-c"])
        .args([&versions])
        .args(PIP)
        .run()?;
    Ok(std::fs::write(stamp, wanted)?)
}
