//! Local sockets, their peers, and process hardening.

#![expect(clippy::unwrap_used, reason = "tests may stop")]

mod descriptors;
mod hardening;
mod listener;
mod peer;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// A temporary folder of mode 0700.
fn private_folder() -> tempfile::TempDir {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o700)).tempdir().unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
