//! Private files and folders against links, other users, crashes and concurrent writers.

#![expect(clippy::unwrap_used, reason = "tests may stop")]

mod files;
mod folders;
mod locks;
mod replacement;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use briefcase_private_fs::{AccessFault, PrivateFsError};

/// A temporary folder of mode 0700.
fn private_folder() -> tempfile::TempDir {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o700)).tempdir().unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

/// Gives a path to another user; `false` when this process may not.
fn give_away(path: &Path) -> bool {
    std::os::unix::fs::chown(path, Some(65534), None).is_ok()
}

fn fault<T>(result: Result<T, PrivateFsError>) -> Option<AccessFault> {
    match result {
        Err(PrivateFsError::NotPrivate { fault, .. }) => Some(fault),
        _ => None,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
