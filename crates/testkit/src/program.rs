//! The paths of the programs under test.

use std::path::{Path, PathBuf};

/// The path of a program built by `cargo xtask build`. Fails with that command's name when the program is missing.
pub fn program(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("the path of this test");
    // A test is in target/PROFILE/deps, a program in target/PROFILE.
    let found = exe.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        let folder = exe.parent().unwrap_or(Path::new("."));
        panic!("{name} is not built (looked in {}): run `cargo xtask build` first", folder.display())
    })
}
