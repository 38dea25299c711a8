//! Every figure of `docs/benchmarks.md`: builds what is measured, fetches the other bridges, and starts `tests/bench`.

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// Other bridges from PyPI, with their versions.
const PIP: [&str; 2] = ["mcp-proxy==0.13.0", "fastmcp==3.4.10"];

/// Builds and measures. `--quick` measures less; `--no-peers` leaves the other bridges out.
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
            "bench",
        ])
        .run()?;
    Step::cargo().args(["build", "--locked", "--release", "-p", "briefcase-receipts", "--bins", "--examples"]).run()?;
    let mut step = Step::new(workspace::target().join("release").join("bench"));
    if workspace::flag(args, "--quick") {
        step = step.args(["--quick"]);
    }
    if !workspace::flag(args, "--no-peers") {
        let folder = peers()?;
        step = step.args(["--peers"]).args([folder]);
    }
    step.run()
}

/// The folder with the other bridges, filled when it is not yet.
fn peers() -> Result<std::path::PathBuf, Failure> {
    let npm = workspace::root().join("tests/fixtures/npm-peers");
    crate::node::install(&npm)?;
    let folder = workspace::target().join("peers");
    std::fs::create_dir_all(&folder)?;
    let link = folder.join("npm");
    if !link.exists() {
        std::os::unix::fs::symlink(&npm, &link)?;
    }
    let pip = folder.join("pip");
    if !pip.join("bin/fastmcp").is_file() {
        Step::new("python3").args(["-m", "venv"]).args([&pip]).run()?;
        Step::new(pip.join("bin/pip")).args(["install", "--quiet"]).args(PIP).run()?;
    }
    Ok(folder)
}
