//! Installs everything that a fresh Debian 12 with cargo and Node lacks: packages, crates, npm packages, the wasm
//! targets.
//!
//! Invariant: only this command of a test run uses the network. It can be repeated: installed parts are left alone.

use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::tools::{self, Tool, on_path};
use crate::workspace;

/// The tools that come from Debian.
const PROGRAMS: [Tool; 8] =
    [Tool::C, Tool::Git, Tool::Python, Tool::Strace, Tool::Valgrind, Tool::Chromium, Tool::Firefox, Tool::WebKit];

/// Ensures that Python can make virtual environments; Debian has a separate package for that.
pub fn python_environments() -> Result<(), Failure> {
    if Step::new("python3").args(["-c", "import ensurepip, venv"]).succeeds() {
        return Ok(());
    }
    install(&["python3-venv"])
}

/// Installs the missing parts.
pub fn run(_: &[String]) -> Result<(), Failure> {
    tools::require(&[Tool::Rust])?;
    packages()?;
    tools::require(&[Tool::Node])?;
    for target in workspace::WASM_TARGETS.iter().filter(|target| !workspace::has_target(target)) {
        Step::new("rustup").args(["target", "add", target]).run()?;
    }
    crates()?;
    for folder in [node::fixtures_dir(), node::sigstore_mock_dir(), workspace::root().join("web")] {
        node::install(&folder)?;
    }
    crate::demo::server()?;
    crate::deny::install()?;
    println!("setup: everything is installed");
    Ok(())
}

/// Fetches the crates of both lock files for every platform: cargo-deny reads the whole graph.
fn crates() -> Result<(), Failure> {
    for manifest in workspace::MANIFESTS {
        Step::cargo().args(["fetch", "--locked", "--manifest-path", manifest]).run()?;
    }
    Ok(())
}

fn packages() -> Result<(), Failure> {
    let missing: Vec<&str> = PROGRAMS
        .iter()
        .flat_map(|tool| tool.programs())
        .filter(|(program, _)| !on_path(program))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

/// Installs Debian packages, or lists the packages to install.
fn install(missing: &[&str]) -> Result<(), Failure> {
    let root = Step::new("id").args(["-u"]).read()?.trim() == "0";
    if !on_path("apt-get") || !(root || on_path("sudo")) {
        return Err(Failure::new(format!("install these first, as root: {}", missing.join(" "))));
    }
    let apt = |args: &[&str]| {
        let step = if root { Step::new("apt-get") } else { Step::new("sudo").args(["apt-get"]) };
        step.args(args).env("DEBIAN_FRONTEND", "noninteractive").run()
    };
    println!("setup: installing {}", missing.join(" "));
    apt(&["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(missing);
    apt(&install)
}
