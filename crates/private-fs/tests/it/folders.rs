//! Checking and creating folders.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, symlink},
};

use briefcase_private_fs::{
    AccessFault, FileAccess, PrivateFolder, check_folder_writers, create_folder, create_folders, parent_of,
};

use crate::{fault, give_away, mode, private_folder, set_mode};

#[test]
fn a_folder_that_others_can_open_is_rejected() {
    let home = private_folder();
    let path = home.path().join("folder");
    PrivateFolder::open_or_create(&path).unwrap();
    assert_eq!(mode(&path), 0o700);
    for open in [0o770, 0o707, 0o720, 0o702, 0o755, 0o711, 0o701] {
        set_mode(&path, open);
        assert_eq!(fault(PrivateFolder::open(&path)), Some(AccessFault::OpenFolder { mode: open }));
        assert_eq!(fault(PrivateFolder::open_or_create(&path)), Some(AccessFault::OpenFolder { mode: open }));
    }
}

#[test]
fn only_writers_count_where_readers_are_allowed() {
    let home = private_folder();
    for (open, writable) in [(0o755, false), (0o711, false), (0o770, true), (0o702, true)] {
        set_mode(home.path(), open);
        let expected = writable.then_some(AccessFault::WritableFolder { mode: open });
        assert_eq!(fault(check_folder_writers(home.path())), expected, "{open:o}");
    }
}

/// Needs root to give a folder away. Without root it opens a folder of root.
#[test]
fn a_folder_of_another_user_is_rejected() {
    let home = private_folder();
    let path = home.path().join("folder");
    create_folder(&path).unwrap();
    if give_away(&path) {
        assert_eq!(fault(PrivateFolder::open(&path)), Some(AccessFault::Owner { uid: 65534 }));
        assert_eq!(fault(check_folder_writers(&path)), Some(AccessFault::Owner { uid: 65534 }));
    } else {
        assert_eq!(fault(check_folder_writers("/etc".as_ref())), Some(AccessFault::Owner { uid: 0 }));
    }
}

#[test]
fn links_and_files_are_no_folders() {
    let home = private_folder();
    let (link, file) = (home.path().join("link"), home.path().join("file"));
    create_folder(&home.path().join("folder")).unwrap();
    symlink(home.path().join("folder"), &link).unwrap();
    fs::write(&file, "").unwrap();
    for path in [&link, &file] {
        assert_eq!(fault(PrivateFolder::open(path)), Some(AccessFault::NotAFolder));
        assert_eq!(fault(PrivateFolder::open_or_create(path)), Some(AccessFault::NotAFolder));
        assert_eq!(create_folder(path).unwrap_err().io_kind(), Some(io::ErrorKind::AlreadyExists));
    }
    let missing = PrivateFolder::open(&home.path().join("missing")).unwrap_err();
    assert_eq!(missing.io_kind(), Some(io::ErrorKind::NotFound));
}

#[test]
fn a_handle_still_means_the_folder_that_was_checked() {
    let home = private_folder();
    let path = home.path().join("folder");
    let folder = PrivateFolder::open_or_create(&path).unwrap();
    fs::write(path.join("ours"), "").unwrap();
    fs::rename(&path, home.path().join("moved")).unwrap();
    fs::create_dir(&path).unwrap();
    let found = folder.find("ours").unwrap().unwrap();
    assert!(found.0.is_file());
    assert_eq!(folder.find("missing").unwrap(), None);
    let socket = std::os::unix::net::UnixListener::bind(home.path().join("moved/socket")).unwrap();
    symlink("ours", home.path().join("moved/link")).unwrap();
    assert!(folder.find("socket").unwrap().unwrap().0.is_socket());
    assert!(folder.find("link").unwrap().unwrap().0.is_symlink());
    assert!(fs::metadata(home.path().join("moved/socket")).unwrap().file_type().is_socket());
    drop(socket);
}

#[test]
fn missing_parents_get_the_same_permissions() {
    let home = private_folder();
    let (private, public) = (home.path().join("a/b/c"), home.path().join("d/e"));
    create_folders(&private, FileAccess::Owner).unwrap();
    create_folders(&public, FileAccess::Public).unwrap();
    create_folders(&public, FileAccess::Owner).unwrap();
    let modes = ["a", "a/b", "a/b/c", "d", "d/e"].map(|name| mode(&home.path().join(name)));
    assert_eq!(modes, [0o700, 0o700, 0o700, 0o755, 0o755]);
    fs::write(home.path().join("file"), "").unwrap();
    create_folders(&home.path().join("file/below"), FileAccess::Owner).unwrap_err();
}

#[test]
fn a_bare_name_is_in_the_current_folder() {
    assert_eq!(parent_of("name".as_ref()), std::path::Path::new("."));
    assert_eq!(parent_of("/folder/name".as_ref()), std::path::Path::new("/folder"));
}
