//! Builds the programs for the tests.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// The variable that marks all programs as built. `ci` sets it for the checks after `build`, and every command for its
/// child commands after a build.
pub const BUILT: &str = "BRIEFCASE_BUILT";

/// The variable that makes Clippy the compiler of the workspace: it lints while it compiles.
pub const LINT: &str = "BRIEFCASE_LINT";

static BUILT_HERE: AtomicBool = AtomicBool::new(false);

/// Builds, unoptimised, everything that tests are or start; with `--lint` by Clippy.
///
/// Always the whole workspace with all targets: another selection of packages would select other features, and each
/// check would build the dependencies again.
pub fn build(args: &[String]) -> Result<(), Failure> {
    if is_built() {
        return Ok(());
    }
    let cargo = if workspace::flag(args, "--lint") { linting() } else { cargo() };
    cargo?.args(["build", "--locked", "--workspace", "--all-targets"]).run()?;
    BUILT_HERE.store(true, Ordering::Relaxed);
    Ok(())
}

/// Returns cargo for the whole workspace, with the same compiler as the build: in `ci` Clippy.
pub fn cargo() -> Result<Step, Failure> {
    if std::env::var_os(LINT).is_some() { linting() } else { Ok(Step::cargo()) }
}

/// Cargo with Clippy as the compiler of our own crates; a warning is a failure, as with `cargo clippy -- -D warnings`.
///
/// Clippy is rustc with more lints. Alone it only checks, and cargo keeps checked and compiled crates apart: every
/// dependency would be compiled twice.
fn linting() -> Result<Step, Failure> {
    let sysroot = Step::new("rustc").args(["--print", "sysroot"]).read()?;
    let clippy = Path::new(sysroot.trim()).join("bin/clippy-driver");
    let step = Step::cargo().env("RUSTC_WORKSPACE_WRAPPER", clippy);
    Ok(step.env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__"))
}

/// Builds, unless `--no-build` selects the existing programs.
pub fn build_unless_told(args: &[String]) -> Result<(), Failure> {
    if workspace::flag(args, "--no-build") { Ok(()) } else { build(&[]) }
}

/// Returns whether this command or its parent has built all programs.
pub fn is_built() -> bool {
    BUILT_HERE.load(Ordering::Relaxed) || std::env::var_os(BUILT).is_some()
}

/// Returns a program of one package. It is built alone unless all programs are built.
pub fn program(package: &str, name: &str) -> Result<PathBuf, Failure> {
    alone(package, ["--bin", name])?;
    Ok(workspace::target().join("debug").join(name))
}

/// The same for an example.
pub fn example(package: &str, name: &str) -> Result<PathBuf, Failure> {
    alone(package, ["--example", name])?;
    Ok(workspace::target().join("debug/examples").join(name))
}

fn alone(package: &str, target: [&str; 2]) -> Result<(), Failure> {
    if is_built() {
        return Ok(());
    }
    Step::cargo().args(["build", "--quiet", "--locked", "--package", package]).args(target).run()
}

/// One test program with its environment.
pub struct TestProgram {
    pub package: String,
    /// The target: `it`, or the name of the crate for its unit tests.
    pub name: String,
    path: PathBuf,
    dir: PathBuf,
    version: String,
}

impl TestProgram {
    /// Returns the command in the package's folder, as cargo starts it.
    pub fn step(&self) -> Step {
        Step::new(&self.path)
            .dir(&self.dir)
            .env("CARGO_MANIFEST_DIR", &self.dir)
            .env("CARGO_PKG_NAME", &self.package)
            .env("CARGO_PKG_VERSION", &self.version)
    }
}

/// All test programs of the workspace, built with everything else. Not `--all-targets`: that would link examples, and
/// targets without tests, as test programs.
pub fn tests() -> Result<Vec<TestProgram>, Failure> {
    let told = cargo()?.args(["test", "--locked", "--workspace", "--no-run", "--message-format", "json"]).read()?;
    let messages = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let programs: Vec<TestProgram> = messages.filter_map(|message| test_program(&message)).collect();
    if programs.is_empty() { Err(Failure::new("cargo names no test program")) } else { Ok(programs) }
}

/// Reads the test program from a message of cargo. Its package is `path+file:///folder/of/it#name@version`, without the
/// name where the folder has the same one.
fn test_program(message: &Value) -> Option<TestProgram> {
    if message.pointer("/profile/test")?.as_bool() != Some(true) {
        return None;
    }
    let path = PathBuf::from(message.get("executable")?.as_str()?);
    let manifest = Path::new(message.get("manifest_path")?.as_str()?);
    let name = message.pointer("/target/name")?.as_str()?.to_owned();
    let (folder, id) = message.get("package_id")?.as_str()?.rsplit_once('#')?;
    let (package, version) = id.split_once('@').unwrap_or((folder.rsplit_once('/')?.1, id));
    let dir = manifest.parent()?.to_owned();
    Some(TestProgram { package: package.to_owned(), name, path, dir, version: version.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_test_program_is_read_from_a_message_of_cargo() {
        let message = |id: &str, test: bool| {
            json!({
                "reason": "compiler-artifact", "package_id": id, "manifest_path": "/src/crates/json/Cargo.toml",
                "target": { "name": "it" }, "profile": { "test": test }, "executable": "/target/debug/deps/it-1",
            })
        };
        let found = test_program(&message("path+file:///src/crates/json#briefcase-json@0.1.0", true)).unwrap();
        assert_eq!((found.package.as_str(), found.version.as_str()), ("briefcase-json", "0.1.0"));
        let found = test_program(&message("path+file:///src/tests/e2e#0.1.0", true)).unwrap();
        assert_eq!((found.package.as_str(), found.name.as_str()), ("e2e", "it"));
        assert!(test_program(&message("path+file:///src/tests/e2e#0.1.0", false)).is_none());
    }
}
