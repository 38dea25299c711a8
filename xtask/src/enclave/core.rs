//! The Rust core as WebAssembly, with the same bytes for every machine and user.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::step::Step;

/// The core's crate, and the file that cargo makes of it.
const PACKAGE: &str = "briefcase-enclave-wasm";
const FILE: &str = "briefcase_enclave_wasm.wasm";
const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the core of the sources in `root` and deflates it. The lock file pins the encoder.
pub fn deflated(root: &Path, target: &Path) -> Result<Vec<u8>, Failure> {
    let wasm = built(root, target)?;
    Ok(miniz_oxide::deflate::compress_to_vec(&wasm, 10))
}

fn built(root: &Path, target: &Path) -> Result<Vec<u8>, Failure> {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")))
        .ok_or_else(|| Failure::new("neither CARGO_HOME nor HOME is set"))?;
    let remap = |from: &str, to: &str| format!("--remap-path-prefix={from}={to}");
    // Paths reach the binary through panic messages, and flags of the user would change the code.
    let flags =
        [remap(&root.to_string_lossy(), "/briefcase"), remap(&cargo_home.to_string_lossy(), "/cargo")].join("\u{1f}");
    Step::cargo()
        .args(["build", "--quiet", "--locked", "--lib", "--package", PACKAGE, "--target", TARGET, "--profile", "wasm"])
        .args(["--target-dir", &target.to_string_lossy()])
        .dir(root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .env("CARGO_INCREMENTAL", "0")
        .env("SOURCE_DATE_EPOCH", "0")
        .run()?;
    Ok(std::fs::read(target.join(TARGET).join("wasm").join(FILE))?)
}
