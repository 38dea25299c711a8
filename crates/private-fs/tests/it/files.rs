//! Opening and reading single files.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::symlink,
    path::Path,
    time::Duration,
};

use briefcase_private_fs::{
    AccessFault, FileAccess, PrivateFsError, check, create_new, create_or_truncate, open_for_reading, open_for_writing,
    read, read_linked, remove, write,
};

use crate::{fault, give_away, mode, private_folder, set_mode};

fn expect_everywhere(path: &Path, expected: AccessFault) {
    assert_eq!(fault(read(path, 100)), Some(expected));
    assert_eq!(fault(open_for_reading(path)), Some(expected));
    assert_eq!(fault(open_for_writing(path)), Some(expected));
    assert_eq!(fault(create_or_truncate(path)), Some(expected));
    assert_eq!(fault(check(path)), Some(expected));
}

#[test]
fn a_file_that_others_can_open_is_rejected() {
    let folder = private_folder();
    let path = folder.path().join("file");
    write(&path, b"text", FileAccess::Owner).unwrap();
    assert_eq!(mode(&path), 0o600);
    for open in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601] {
        set_mode(&path, open);
        expect_everywhere(&path, AccessFault::OpenFile { mode: open });
        assert_eq!(fault(read_linked(&path, 100)), Some(AccessFault::OpenFile { mode: open }));
    }
    set_mode(&path, 0o600);
    assert_eq!(read(&path, 100).unwrap().unwrap(), b"text", "a rejected file is not emptied");
}

/// Needs root to give a file away. Without root it reads a file of root.
#[test]
fn a_file_of_another_user_is_rejected() {
    let folder = private_folder();
    let path = folder.path().join("file");
    write(&path, b"text", FileAccess::Owner).unwrap();
    if give_away(&path) {
        expect_everywhere(&path, AccessFault::Owner { uid: 65534 });
    } else {
        assert_eq!(fault(read(Path::new("/etc/passwd"), 1 << 20)), Some(AccessFault::Owner { uid: 0 }));
    }
}

#[test]
fn a_symbolic_link_is_rejected_and_its_target_untouched() {
    let folder = private_folder();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    write(&target, b"text", FileAccess::Owner).unwrap();
    symlink(&target, &link).unwrap();
    expect_everywhere(&link, AccessFault::Link);
    assert_eq!(create_new(&link).unwrap_err().io_kind(), Some(io::ErrorKind::AlreadyExists));
    assert_eq!(fs::read(&target).unwrap(), b"text");
    remove(&link).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"text");
    let dangling = folder.path().join("dangling");
    symlink(folder.path().join("missing"), &dangling).unwrap();
    expect_everywhere(&dangling, AccessFault::Link);
}

#[test]
fn a_hard_link_is_rejected_unless_the_caller_accepts_it() {
    let folder = private_folder();
    let path = folder.path().join("file");
    write(&path, b"text", FileAccess::Owner).unwrap();
    fs::hard_link(&path, folder.path().join("second")).unwrap();
    expect_everywhere(&path, AccessFault::HardLink);
    assert_eq!(read_linked(&path, 100).unwrap().unwrap(), b"text");
}

#[test]
fn folders_and_pipes_are_rejected_at_once() {
    let folder = private_folder();
    fs::create_dir(folder.path().join("folder")).unwrap();
    let pipe_mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join("pipe"), pipe_mode).unwrap();
    for name in ["folder", "pipe"] {
        let (sender, result) = std::sync::mpsc::channel();
        let path = folder.path().join(name);
        std::thread::spawn(move || sender.send(fault(read(&path, 100))));
        let result = result.recv_timeout(Duration::from_secs(10)).expect("reading a pipe without a writer blocks");
        assert_eq!(result, Some(AccessFault::NotAFile), "{name}");
        assert_eq!(fault(check(&folder.path().join(name))), Some(AccessFault::NotAFile), "{name}");
    }
}

#[test]
fn reading_stops_at_the_limit() {
    let folder = private_folder();
    let path = folder.path().join("file");
    write(&path, &[7; 100], FileAccess::Owner).unwrap();
    assert_eq!(read(&path, 100).unwrap().unwrap(), [7; 100]);
    assert!(matches!(read(&path, 99), Err(PrivateFsError::TooLarge { limit: 99, .. })));
    assert!(matches!(read(&path, 0), Err(PrivateFsError::TooLarge { limit: 0, .. })));
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(read(&path, 100), Err(PrivateFsError::TooLarge { limit: 100, .. })));
}

#[test]
fn a_missing_file_is_no_error_for_a_reader() {
    let folder = private_folder();
    let path = folder.path().join("missing");
    assert_eq!(read(&path, 100).unwrap(), None);
    check(&path).unwrap();
    remove(&path).unwrap();
    assert_eq!(open_for_reading(&path).unwrap_err().io_kind(), Some(io::ErrorKind::NotFound));
}

#[test]
fn a_new_file_is_private_and_never_an_existing_one() {
    let folder = private_folder();
    let path = folder.path().join("file");
    create_new(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(create_new(&path).unwrap_err().io_kind(), Some(io::ErrorKind::AlreadyExists));
    fs::write(&path, "old").unwrap();
    create_or_truncate(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"");
    create_or_truncate(&folder.path().join("other")).unwrap();
    assert_eq!(mode(&folder.path().join("other")), 0o600);
}

#[test]
fn a_file_that_is_replaced_while_open_is_still_whole() {
    let folder = private_folder();
    let path = folder.path().join("file");
    write(&path, b"old", FileAccess::Owner).unwrap();
    let mut open = open_for_reading(&path).unwrap();
    write(&path, b"new", FileAccess::Owner).unwrap();
    let mut text = String::new();
    open.read_to_string(&mut text).unwrap();
    assert_eq!(text, "old");
}

#[test]
fn errors_say_what_failed_and_the_next_step() {
    let folder = private_folder();
    let path = folder.path().join("file");
    write(&path, b"text", FileAccess::Owner).unwrap();
    set_mode(&path, 0o644);
    let error = read(&path, 100).unwrap_err();
    let text = format!("{} is not safe to use: others may read or write it; use `chmod 600`", path.display());
    assert_eq!(error.to_string(), text);
    let error = io::Error::from(error);
    assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::PermissionDenied, text));
    let missing = open_for_reading(&folder.path().join("missing")).unwrap_err();
    assert!(missing.to_string().starts_with("cannot open "), "{missing}");
    assert_eq!(io::Error::from(missing).kind(), io::ErrorKind::NotFound);
}
