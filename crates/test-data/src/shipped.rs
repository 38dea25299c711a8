//! Files that crates of the registry ship for their own tests: signed bundles, trusted roots, proof cases. They are read
//! from the folder that Cargo unpacked, and never copied into the checkout.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

/// Reads a file that a crate of `Cargo.lock` ships.
///
/// # Panics
/// When the crate or the file is missing.
#[must_use]
pub fn shipped_file(package: &str, file: &str) -> Vec<u8> {
    let path = shipped_folder(package).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the folder of a crate of `Cargo.lock`.
///
/// # Panics
/// When the workspace does not use the crate on this platform.
#[must_use]
pub fn shipped_folder(package: &str) -> &'static Path {
    static FOLDERS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let folder = FOLDERS.get_or_init(folders).get(package);
    folder.unwrap_or_else(|| panic!("Cargo.lock has no crate {package} for this platform"))
}

/// The folder of each crate by its name. Of two versions, the last one listed counts.
fn folders() -> BTreeMap<String, PathBuf> {
    let platform = platform();
    // Offline: the crates of this platform are here, since this test was compiled from them.
    let args = ["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", &platform];
    let metadata: Value = serde_json::from_slice(&output(env!("CARGO"), &args)).expect("cargo metadata is JSON");
    let packages = metadata.get("packages").and_then(Value::as_array).expect("cargo metadata lists packages");
    let folder = |package: &Value| {
        let manifest = Path::new(package.get("manifest_path")?.as_str()?);
        Some((package.get("name")?.as_str()?.to_owned(), manifest.parent()?.to_owned()))
    };
    packages.iter().filter_map(folder).collect()
}

/// The platform that tests run on, as rustc names it.
fn platform() -> String {
    let version = String::from_utf8(output("rustc", &["-vV"])).expect("rustc's version is text");
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_owned()
}

fn output(program: &str, args: &[&str]) -> Vec<u8> {
    let mut command = Command::new(program);
    // A test run may preload a library that moves the clock. rustc hangs with it, so it is removed here.
    command.args(args).current_dir(crate::checkout()).env_remove("LD_PRELOAD");
    let run = command.output();
    let run = run.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(run.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}
