//! The tools of a command, checked before anything is compiled, each with the way to install it.
//!
//! Invariant: a command that starts has its tools. A missing tool is reported at once, not after minutes of compiling.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::step::Step;
use crate::{demo, deny, node, workspace};

/// A tool, or a set of packages, that a command needs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Tool {
    /// The compiler of `rust-toolchain.toml`.
    Rust,
    /// The standard library for both WebAssembly targets.
    Wasm,
    /// A C compiler.
    C,
    /// The crates of both lock files.
    Crates,
    /// cargo-deny.
    Deny,
    Git,
    Python,
    Strace,
    Valgrind,
    /// A Node that bundles and runs scripts.
    Node,
    /// A Node that runs the conformance suite and the drivers of the browsers.
    NewNode,
    /// The npm packages of `web/`.
    WebPackages,
    /// The npm packages of the conformance suite and the reference server.
    FixturePackages,
    /// The npm packages of Sigstore's mock.
    MockPackages,
    /// The npm packages of the demo.
    DemoPackages,
    Chromium,
    Firefox,
    WebKit,
}

/// Returns the tools of a command, by its name and arguments.
///
/// Without crates and npm packages: a command that runs alone fetches them.
pub fn of(args: &[&str]) -> Vec<Tool> {
    const ENCLAVE: [Tool; 4] = [Tool::Rust, Tool::Wasm, Tool::C, Tool::Node];
    const BROWSERS: [Tool; 4] = [Tool::Chromium, Tool::Firefox, Tool::WebKit, Tool::NewNode];
    let rust = [Tool::Rust, Tool::C];
    match args {
        ["fmt" | "layers" | "deny" | "mutants", ..] => vec![Tool::Rust],
        ["sizes" | "names" | "docs", ..] => vec![Tool::Git],
        ["clippy" | "build" | "fuzz", ..] => rust.to_vec(),
        ["test" | "ahead", ..] => [&rust[..], &[Tool::Node]].concat(),
        ["e2e", ..] => [&rust[..], &[Tool::Node, Tool::Chromium]].concat(),
        ["conformance", ..] => [&rust[..], &[Tool::NewNode]].concat(),
        ["instructions", ..] => [&rust[..], &[Tool::Valgrind]].concat(),
        ["durability", ..] => [&rust[..], &[Tool::Strace]].concat(),
        ["codegen", ..] => vec![Tool::Node, Tool::Python],
        ["vectors", ..] => vec![Tool::Python],
        ["web", ..] => [&ENCLAVE[..], &[Tool::Chromium]].concat(),
        ["servers", ..] => [&rust[..], &[Tool::Node, Tool::Python]].concat(),
        ["demo", ..] => [&rust[..], &[Tool::Node]].concat(),
        ["enclave", "test" | "bench", ..] => [&ENCLAVE[..], &BROWSERS].concat(),
        ["enclave", "build" | "demo" | "rehearse" | "reproduce" | "verify", ..] => ENCLAVE.to_vec(),
        _ => Vec::new(),
    }
}

/// A missing tool, and the way to install it.
struct Missing {
    what: String,
    next: String,
}

/// The command that installs everything but the compiler and Node.
const SETUP: &str = "cargo xtask setup";

impl Tool {
    /// The programs that must be on `PATH`, each with its Debian package.
    pub fn programs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::C => &[("cc", "build-essential")],
            Self::Git => &[("git", "git")],
            Self::Python => &[("python3", "python3")],
            Self::Strace => &[("strace", "strace")],
            Self::Valgrind => &[("valgrind", "valgrind")],
            Self::Chromium => &[("chromium", "chromium")],
            Self::Firefox => &[("firefox-esr", "firefox-esr")],
            Self::WebKit => &[("WebKitWebDriver", "webkit2gtk-driver"), ("Xvfb", "xvfb")],
            _ => &[],
        }
    }

    fn missing(self) -> Option<Missing> {
        let setup = |what: &str| Some(Missing { what: what.to_owned(), next: SETUP.to_owned() });
        match self {
            Self::Rust => rust(),
            Self::Wasm => workspace::WASM_TARGETS.iter().find(|target| !workspace::has_target(target)).map(|target| {
                let next = format!("rustup target add {target}");
                Missing { what: format!("the Rust target {target} is not installed"), next }
            }),
            Self::Crates => (!workspace::has_crates()).then(|| setup("crates of Cargo.lock are not fetched")).flatten(),
            Self::Deny => deny::installed().is_none().then(|| setup("cargo-deny is not installed")).flatten(),
            Self::Node => node::node().err().map(newer_node),
            Self::NewNode => node::new_node().err().map(newer_node),
            Self::WebPackages => packages(Ok(workspace::root().join("web"))),
            Self::FixturePackages => packages(Ok(node::fixtures_dir())),
            Self::MockPackages => packages(Ok(node::sigstore_mock_dir())),
            Self::DemoPackages => packages(demo::server_dir()),
            _ => {
                let (program, package) = self.programs().iter().find(|(program, _)| !on_path(program))?;
                let next = format!("{SETUP}, or as root: apt-get install {package}");
                Some(Missing { what: format!("the program {program} is not on PATH"), next })
            }
        }
    }
}

/// Fails when tools are missing, and names all of them.
pub fn require(tools: &[Tool]) -> Result<(), Failure> {
    let mut tools = tools.to_vec();
    tools.sort_unstable();
    tools.dedup();
    let missing: Vec<Missing> = tools.into_iter().filter_map(Tool::missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = missing.iter().map(|Missing { what, next }| format!("  {what}. Next: {next}")).collect();
    Err(Failure::new(format!("tools are missing:\n{}", lines.join("\n"))))
}

/// Returns whether a program of this name is on `PATH`.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

fn rust() -> Option<Missing> {
    let pinned = workspace::pinned_rust().unwrap_or_default();
    let found = Step::new("rustc").args(["--version"]).read().unwrap_or_default();
    if !pinned.is_empty() && found.split(' ').nth(1) == Some(pinned.as_str()) {
        return None;
    }
    let what = format!("Rust {pinned} is needed (rust-toolchain.toml), rustc says: {}", found.trim());
    Some(Missing { what, next: format!("rustup toolchain install {pinned}") })
}

fn newer_node(failure: Failure) -> Missing {
    Missing { what: failure.to_string(), next: format!("{SETUP}; Node itself comes from https://nodejs.org") }
}

fn packages(dir: Result<PathBuf, Failure>) -> Option<Missing> {
    match dir {
        Ok(dir) if node::is_installed(&dir) => None,
        Ok(dir) => {
            let dir = dir.strip_prefix(workspace::root()).unwrap_or(&dir).display().to_string();
            Some(Missing { what: format!("the npm packages of {dir} are not installed"), next: SETUP.to_owned() })
        }
        Err(failure) => Some(Missing { what: failure.to_string(), next: SETUP.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        assert!(on_path("sh"));
        assert!(!on_path("briefcase-no-such-program"));
        for tool in [Tool::C, Tool::Git, Tool::Python, Tool::Strace, Tool::Chromium, Tool::Firefox, Tool::WebKit] {
            assert!(!tool.programs().is_empty());
        }
    }

    #[test]
    fn all_missing_tools_are_named_in_one_failure() {
        let none = require(&[]);
        assert!(none.is_ok());
        let lost = packages(Ok(workspace::target().join("no-such-folder"))).unwrap();
        assert!(lost.what.contains("no-such-folder") && lost.next == SETUP);
    }
}
