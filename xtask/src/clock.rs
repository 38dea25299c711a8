//! Programs whose clock is ahead: what passes today has to pass on every later day.
//!
//! The wall clock is moved by libfaketime, which every program loads that is not linked statically. The clock that
//! measures waits stays as it is. Esbuild, Biome and TypeScript are static programs of Go and Rust: they keep the true
//! time, which they do not read.

use std::path::PathBuf;

/// How far the clock is ahead.
const AHEAD: &str = "+2y";

/// Debian's folders for it, by machine.
const LIBRARIES: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"];

/// The library, where it is installed.
pub fn library() -> Option<PathBuf> {
    LIBRARIES.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// The variables that put a program's clock two years ahead.
pub fn ahead() -> Option<[(&'static str, String); 3]> {
    let library = library()?.to_string_lossy().into_owned();
    Some([("LD_PRELOAD", library), ("FAKETIME", AHEAD.to_owned()), ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned())])
}
