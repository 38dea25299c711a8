//! `vault.json` has to be a private file in a folder that nobody else can write in.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use briefcase_private_fs::{AccessFault, PrivateFsError};
use briefcase_vault::{Vault, VaultError};

use crate::fixture;

fn fault<T>(result: Result<T, VaultError>) -> Option<AccessFault> {
    match result {
        Err(VaultError::File(PrivateFsError::NotPrivate { fault, .. })) => Some(fault),
        _ => None,
    }
}

#[test]
fn a_vault_that_others_can_reach_is_rejected() {
    let it = fixture(61);
    let set_mode = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(fs::metadata(&it.path).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o620, 0o601] {
        set_mode(it.path.as_path(), mode);
        assert_eq!(fault(Vault::load(&it.path)), Some(AccessFault::OpenFile { mode }));
        assert_eq!(fault(it.vault.changed_on_disk()), Some(AccessFault::OpenFile { mode }));
    }
    set_mode(&it.path, 0o600);
    set_mode(it.folder.path(), 0o770);
    assert_eq!(fault(Vault::load(&it.path)), Some(AccessFault::WritableFolder { mode: 0o770 }));
    set_mode(it.folder.path(), 0o755);
    Vault::load(&it.path).unwrap();
}

#[test]
fn a_vault_with_a_link_is_rejected() {
    let it = fixture(62);
    let link = it.folder.path().join("link");
    symlink(&it.path, &link).unwrap();
    assert_eq!(fault(Vault::load(&link)), Some(AccessFault::Link));
    fs::hard_link(&it.path, it.folder.path().join("second")).unwrap();
    assert_eq!(fault(Vault::load(&it.path)), Some(AccessFault::HardLink));
}

#[test]
fn a_vault_file_beyond_the_limit_is_rejected() {
    let it = fixture(63);
    fs::write(&it.path, vec![b' '; 64 * 1024 + 1]).unwrap();
    assert!(matches!(Vault::load(&it.path), Err(VaultError::TooLarge(65_536))));
}
