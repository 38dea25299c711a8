//! The enclave's tests and benchmark in real browsers.

use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::tools::{self, Tool};
use crate::{programs, workspace};

/// Each engine, and its browser.
const ENGINES: [(&str, Tool); 3] = [("chromium", Tool::Chromium), ("firefox", Tool::Firefox), ("webkit", Tool::WebKit)];

/// A package of web/, the engines of its cases, and the scripts of its `test/run.mjs`.
type Package = (&'static str, &'static [&'static str], &'static [&'static str]);

const PACKAGES: [Package; 3] = [
    ("enclave", &["chromium", "firefox", "webkit"], &["browsers", "bench"]),
    ("enclave-bridge", &["chromium", "firefox"], &["browsers"]),
    ("enclave-demo", &["chromium", "firefox"], &["browsers"]),
];

/// `cargo xtask enclave test` and `bench`: runs the script of this name in each package.
pub fn run(kind: &str, args: &[String]) -> Result<(), Failure> {
    let only = workspace::option(args, "--engine");
    let engines: Vec<_> = ENGINES.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)).collect();
    if engines.is_empty() {
        return Err(Failure::new("engines are chromium, firefox and webkit"));
    }
    tools::require(&engines.iter().map(|(_, browser)| *browser).collect::<Vec<_>>())?;
    let web = workspace::root().join("web");
    node::install(&web)?;
    programs::build(&[])?;
    // The other party of the sessions, and the sender of messages: Rust programs in separate processes.
    let (peer, sender) =
        (programs::example("briefcase-enclave-wasm", "peer")?, programs::example("briefcase-push", "push")?);
    let names: Vec<&str> = engines.iter().map(|(name, _)| *name).collect();
    for (package, drives, kinds) in PACKAGES {
        let names: Vec<&str> = names.iter().copied().filter(|name| drives.contains(name)).collect();
        if names.is_empty() || !kinds.contains(&kind) {
            continue;
        }
        let mut step = Step::new(node::new_node()?)
            .args([&format!("{package}/test/run.mjs"), kind])
            .args(&names)
            .dir(&web)
            .env("ENCLAVE_XTASK", workspace::itself()?)
            .env("ENCLAVE_PEER", &peer)
            .env("ENCLAVE_PUSH", &sender)
            .env(programs::BUILT, "1");
        if let Some(only) = workspace::option(args, "--only") {
            step = step.args(["--only", only]);
        }
        step.run()?;
    }
    Ok(())
}
