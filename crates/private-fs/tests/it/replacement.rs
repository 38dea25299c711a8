//! Replacing files: crashes, concurrent writers, and links in the way.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use briefcase_private_fs::{AccessFault, FileAccess, StagedFile, read, stage, write, write_new};

use crate::{fault, mode, names, private_folder, set_mode};

#[test]
fn a_crash_before_the_rename_keeps_the_old_bytes() {
    let folder = private_folder();
    let path = folder.path().join("file.json");
    stage(&path, b"old").unwrap().replace().unwrap();
    drop(stage(&path, b"half of the n").unwrap());
    assert_eq!(read(&path, 100).unwrap().unwrap(), b"old");
    stage(&path, b"new").unwrap().replace().unwrap();
    assert_eq!(read(&path, 100).unwrap().unwrap(), b"new");
    assert_eq!(names(folder.path()), ["file.json"], "nothing is left behind");
}

#[test]
fn a_staged_file_is_found_again_and_discarded_or_put_in_place() {
    let folder = private_folder();
    let path = folder.path().join("file.json");
    assert!(StagedFile::find(&path, 100).unwrap().is_none());
    stage(&path, b"old").unwrap().replace().unwrap();
    drop(stage(&path, b"new").unwrap());
    let (found, bytes) = StagedFile::find(&path, 100).unwrap().unwrap();
    assert_eq!(bytes, b"new");
    found.discard().unwrap();
    assert!(StagedFile::find(&path, 100).unwrap().is_none());
    drop(stage(&path, b"new").unwrap());
    StagedFile::find(&path, 100).unwrap().unwrap().0.replace().unwrap();
    assert_eq!(read(&path, 100).unwrap().unwrap(), b"new");
}

#[test]
fn staging_in_a_folder_that_others_can_write_in_is_rejected() {
    let folder = private_folder();
    let path = folder.path().join("file");
    stage(&path, b"old").unwrap().replace().unwrap();
    drop(stage(&path, b"new").unwrap());
    set_mode(folder.path(), 0o770);
    let expected = Some(AccessFault::WritableFolder { mode: 0o770 });
    assert_eq!(fault(stage(&path, b"new")), expected);
    assert_eq!(fault(StagedFile::find(&path, 100)), expected);
}

#[test]
fn links_in_the_way_are_replaced_and_not_followed() {
    let folder = private_folder();
    let (path, victim) = (folder.path().join("file"), folder.path().join("victim"));
    fs::write(&victim, b"text").unwrap();
    symlink(&victim, folder.path().join(".file.new")).unwrap();
    stage(&path, b"new").unwrap().replace().unwrap();
    fs::remove_file(&path).unwrap();
    symlink(&victim, &path).unwrap();
    assert_eq!(write_new(&path, b"new", FileAccess::Owner).unwrap_err().io_kind(), Some(io::ErrorKind::AlreadyExists));
    write(&path, b"new", FileAccess::Owner).unwrap();
    assert_eq!((fs::read(&victim).unwrap(), fs::read(&path).unwrap()), (b"text".to_vec(), b"new".to_vec()));
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
}

#[test]
fn a_new_file_never_overwrites_and_leaves_nothing_behind() {
    let folder = private_folder();
    let path = folder.path().join("file");
    write_new(&path, b"first", FileAccess::Public).unwrap();
    let second = write_new(&path, b"second", FileAccess::Owner).unwrap_err();
    assert_eq!(second.io_kind(), Some(io::ErrorKind::AlreadyExists));
    assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"first".to_vec(), 0o644));
    write(&path, b"third", FileAccess::Owner).unwrap();
    assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"third".to_vec(), 0o600));
    assert!(write(&folder.path().join("missing/file"), b"x", FileAccess::Owner).is_err());
    assert_eq!(names(folder.path()), ["file"]);
}

/// The bytes of one writer: many copies of its number, more than one page of them.
fn whole(writer: u8) -> Vec<u8> {
    vec![writer; 20_000 + usize::from(writer)]
}

fn is_whole(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|writer| bytes == whole(*writer))
}

#[test]
fn concurrent_writers_never_mix_and_readers_see_whole_files() {
    let folder = private_folder();
    let path = folder.path().join("file");
    write(&path, &whole(0), FileAccess::Owner).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let reader = threads.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(is_whole(&read(&path, 1 << 20).unwrap().unwrap()));
            }
        });
        let writers: Vec<_> = (1..=8)
            .map(|writer| {
                let path = &path;
                threads.spawn(move || (0..20).for_each(|_| write(path, &whole(writer), FileAccess::Owner).unwrap()))
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(names(folder.path()), ["file"]);
}

const WRITE_TO: &str = "BRIEFCASE_TEST_WRITE_TO";

/// Child process of the next test: writes until it is killed.
#[test]
#[expect(clippy::disallowed_methods, reason = "the parent process passes the path this way")]
fn writes_when_asked_to() {
    let Ok(path) = std::env::var(WRITE_TO) else { return };
    for writer in (0..u8::MAX).cycle() {
        write(Path::new(&path), &whole(writer), FileAccess::Owner).unwrap();
        stage(Path::new(&path), &whole(writer)).unwrap().replace().unwrap();
    }
}

#[test]
fn a_killed_writer_leaves_a_whole_file() {
    let folder = private_folder();
    let path = folder.path().join("file");
    write(&path, &whole(0), FileAccess::Owner).unwrap();
    for round in 0..15 {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "replacement::writes_when_asked_to"]).env(WRITE_TO, &path).stdout(Stdio::null());
        let mut child = child.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 + 7 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_whole(&read(&path, 1 << 20).unwrap().unwrap()), "round {round}");
    }
    stage(&path, b"after").unwrap().replace().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"after");
}
