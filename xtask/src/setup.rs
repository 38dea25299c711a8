//! Everything a fresh Debian 12 with cargo and Node lacks: packages, npm packages, the wasm targets.
//!
//! Safe to repeat: what is there is left alone.

use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::workspace;

/// The browser's targets: the enclave's core, and the release verifier.
const WASM: [&str; 2] = ["wasm32-unknown-unknown", "wasm32-wasip1"];

/// A program a check starts, and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 7] = [
    ("cc", "build-essential"),
    ("strace", "strace"),
    ("python3", "python3"),
    ("chromium", "chromium"),
    ("firefox-esr", "firefox-esr"),
    ("WebKitWebDriver", "webkit2gtk-driver"),
    ("Xvfb", "xvfb"),
];

/// Makes sure that Python can make environments of its own; Debian keeps that in a package apart.
pub fn python_environments() -> Result<(), Failure> {
    if Step::new("python3").args(["-c", "import ensurepip, venv"]).succeeds() {
        return Ok(());
    }
    install(&["python3-venv"])
}

/// Installs what is missing.
pub fn run(_: &[String]) -> Result<(), Failure> {
    packages()?;
    for target in WASM.iter().filter(|target| !installed(target)) {
        Step::new("rustup").args(["target", "add", target]).run()?;
    }
    node::fixtures()?;
    crate::demo::server()?;
    let web = workspace::root().join("web");
    if web.join("package-lock.json").is_file() {
        node::install(&web)?;
    }
    crate::deny::install()?;
    println!("setup: everything is there");
    Ok(())
}

fn installed(target: &str) -> bool {
    Step::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .read()
        .is_ok_and(|dir| std::path::Path::new(dir.trim()).is_dir())
}

fn packages() -> Result<(), Failure> {
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !on_path(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

/// Installs Debian packages, or says which ones to install.
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

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
