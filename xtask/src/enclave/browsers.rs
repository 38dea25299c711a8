//! The enclave's tests and benchmark in real browsers. A browser that is not there is a failure that says how to get it.

use std::path::PathBuf;

use super::demo;
use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::workspace;

/// Engine, program that must be there, package that brings it.
const ENGINES: [(&str, &[(&str, &str)]); 3] = [
    ("chromium", &[("chromium", "chromium")]),
    ("firefox", &[("firefox-esr", "firefox-esr")]),
    ("webkit", &[("WebKitWebDriver", "webkit2gtk-driver"), ("Xvfb", "xvfb")]),
];

/// A package of web/, the engines that its cases drive, and what its `test/run.mjs` has.
type Package = (&'static str, &'static [&'static str], &'static [&'static str]);

const PACKAGES: [Package; 3] = [
    ("enclave", &["chromium", "firefox", "webkit"], &["browsers", "bench"]),
    ("enclave-bridge", &["chromium", "firefox"], &["browsers"]),
    ("enclave-demo", &["chromium", "firefox"], &["browsers"]),
];

/// `cargo xtask enclave test` and `bench`: what each package has under this name.
pub fn run(kind: &str, args: &[String]) -> Result<(), Failure> {
    let only = workspace::option(args, "--engine");
    let engines: Vec<_> = ENGINES.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)).collect();
    if engines.is_empty() {
        return Err(Failure::new("engines are chromium, firefox and webkit"));
    }
    let missing: Vec<&str> = engines
        .iter()
        .flat_map(|(_, programs)| programs.iter())
        .filter(|(program, _)| !on_path(program))
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        return Err(Failure::new(format!("browsers are missing: apt-get install {}", missing.join(" "))));
    }
    let web = workspace::root().join("web");
    node::install(&web)?;
    let (peer, sender) = (peer()?, demo::sender()?);
    let names: Vec<&str> = engines.iter().map(|(name, _)| *name).collect();
    for (package, drives, kinds) in PACKAGES {
        let names: Vec<&str> = names.iter().copied().filter(|name| drives.contains(name)).collect();
        if names.is_empty() || !kinds.contains(&kind) {
            continue;
        }
        let mut step = Step::new(node::node()?)
            .args([&format!("{package}/test/run.mjs"), kind])
            .args(&names)
            .dir(&web)
            .env("ENCLAVE_XTASK", workspace::itself()?)
            .env("ENCLAVE_PEER", &peer)
            .env("ENCLAVE_PUSH", &sender);
        if let Some(only) = workspace::option(args, "--only") {
            step = step.args(["--only", only]);
        }
        step.run()?;
    }
    Ok(())
}

/// Builds the other party of the sessions: Rust, beside the core and with a target folder of the enclave's own.
fn peer() -> Result<PathBuf, Failure> {
    let target = workspace::target().join("enclave/cargo");
    Step::cargo()
        .args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            "briefcase-enclave-wasm",
            "--example",
            "peer",
            "--target-dir",
        ])
        .args([&target])
        .run()?;
    Ok(target.join("debug/examples/peer"))
}

fn on_path(program: &str) -> bool {
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&dirs).map(|dir: PathBuf| dir.join(program)).any(|path| path.is_file())
}
