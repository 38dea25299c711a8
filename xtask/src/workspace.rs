//! The places of the workspace: the root, the target folder, the cache, and the files of the project.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::Failure;
use crate::step::Step;

/// The manifests with a lock file of their own.
pub const MANIFESTS: [&str; 2] = ["Cargo.toml", "fuzz/Cargo.toml"];

/// The browser's targets: the enclave's core, and the release verifier.
pub const WASM_TARGETS: [&str; 2] = ["wasm32-unknown-unknown", "wasm32-wasip1"];

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// This program. A build of the workspace may have replaced it; Linux then appends a note to the old path.
pub fn itself() -> Result<PathBuf, Failure> {
    let path = std::env::current_exe()?;
    let replaced = path.to_str().and_then(|text| text.strip_suffix(" (deleted)")).map(PathBuf::from);
    Ok(replaced.unwrap_or(path))
}

/// The cache, shared between clones. It may be removed at any time.
pub fn cache() -> Result<PathBuf, Failure> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .ok_or_else(|| Failure::new("neither HOME nor XDG_CACHE_HOME is set"))?;
    let dir = base.join("briefcase");
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// The Rust version of `rust-toolchain.toml`.
pub fn pinned_rust() -> Result<String, Failure> {
    let pins: Value = toml::from_str(&std::fs::read_to_string(root().join("rust-toolchain.toml"))?)?;
    let channel = pins.pointer("/toolchain/channel").and_then(Value::as_str);
    channel.map(str::to_owned).ok_or_else(|| Failure::new("rust-toolchain.toml names no channel"))
}

/// Returns whether the standard library for this target is installed.
pub fn has_target(target: &str) -> bool {
    Step::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .read()
        .is_ok_and(|dir| Path::new(dir.trim()).is_dir())
}

/// Returns whether the crates of every lock file are present, for every platform.
pub fn has_crates() -> bool {
    MANIFESTS
        .iter()
        .all(|manifest| Step::cargo().args(["fetch", "--locked", "--offline", "--manifest-path", manifest]).succeeds())
}

/// `cargo metadata` of the workspace, for this platform.
pub fn metadata() -> Result<Value, Failure> {
    let version = Step::new("rustc").args(["-vV"]).read()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let text =
        Step::cargo().args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host]).read()?;
    Ok(serde_json::from_str(&text)?)
}

/// Returns the own files of the project with one of these `endings`, as paths below the root: tracked by git, or to be
/// tracked.
pub fn files(endings: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let listed = Step::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).read()?;
    let mut files: Vec<PathBuf> = listed
        .split('\0')
        .filter(|path| endings.iter().any(|ending| path.ends_with(ending)))
        .map(PathBuf::from)
        .filter(|path| root().join(path).is_file())
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// Returns the value after `name` in `args`.
pub fn option<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).map(String::as_str)
}

/// Returns whether `name` is among `args`.
pub fn flag(args: &[String], name: &str) -> bool {
    args.iter().any(|arg| arg == name)
}
