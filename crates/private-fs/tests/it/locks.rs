//! Exclusive locks.

use std::{fs, os::unix::fs::symlink};

use briefcase_private_fs::{AccessFault, FolderLock, LockFile, PrivateFolder, PrivateFsError};

use crate::{fault, mode, private_folder, set_mode};

#[test]
fn a_lock_has_one_holder_and_ends_with_it() {
    let home = private_folder();
    let path = home.path().join("lock");
    let lock = LockFile::acquire(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert!(matches!(LockFile::acquire(&path), Err(PrivateFsError::Locked { holder: None, .. })));
    drop(lock);
    LockFile::acquire(&path).unwrap();
}

#[test]
fn a_lock_on_a_link_or_an_open_file_is_rejected() {
    let home = private_folder();
    let (victim, path) = (home.path().join("victim"), home.path().join("lock"));
    fs::write(&victim, "text").unwrap();
    symlink(&victim, &path).unwrap();
    let folder = PrivateFolder::open(home.path()).unwrap();
    assert_eq!(fault(LockFile::acquire(&path)), Some(AccessFault::Link));
    assert_eq!(fault(LockFile::acquire_in(&folder, "lock")), Some(AccessFault::Link));
    assert_eq!(fault(FolderLock::acquire(home.path(), "lock")), Some(AccessFault::Link));
    fs::remove_file(&path).unwrap();
    set_mode(&victim, 0o600);
    fs::hard_link(&victim, &path).unwrap();
    assert_eq!(fault(FolderLock::acquire(home.path(), "lock")), Some(AccessFault::HardLink));
    assert_eq!(fs::read(&victim).unwrap(), b"text");
}

#[test]
fn a_folders_lock_names_its_holder_and_needs_no_file() {
    let home = private_folder();
    let lock = FolderLock::acquire(home.path(), "lock").unwrap();
    let locked = FolderLock::acquire(home.path(), "lock").unwrap_err();
    let ours = std::process::id();
    assert!(matches!(locked, PrivateFsError::Locked { holder: Some(pid), .. } if pid == ours), "{locked}");
    fs::remove_file(home.path().join("lock")).unwrap();
    let locked = FolderLock::acquire(home.path(), "lock").unwrap_err();
    assert!(matches!(locked, PrivateFsError::Locked { holder: None, .. }), "{locked}");
    drop(lock);
    FolderLock::acquire(home.path(), "lock").unwrap();
}

#[test]
fn a_lock_through_a_handle_excludes_one_through_the_path() {
    let home = private_folder();
    let folder = PrivateFolder::open(home.path()).unwrap();
    let lock = LockFile::acquire_in(&folder, "lock").unwrap();
    assert!(matches!(LockFile::acquire(&home.path().join("lock")), Err(PrivateFsError::Locked { .. })));
    drop(lock);
    LockFile::acquire(&home.path().join("lock")).unwrap();
}
