use std::{
    fs,
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::Path,
};

use briefcase_store::{ExpectedState, FsckOptions, Reader, Store, StoreError, fsck};
use briefcase_types::ReceiptIndex;

use crate::{call, folder, keys, open};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for file in from.read_dir().unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

fn reopen(path: &Path) -> Result<(Store, briefcase_store::Opened), StoreError> {
    Store::open(path, keys::options(ExpectedState::Existing, 1))
}

fn open_error(path: &Path) -> StoreError {
    reopen(path).map(|_| ()).unwrap_err()
}

fn clean(path: &Path) {
    let report = fsck(path, FsckOptions::new(keys::LogKey::new(7).public())).unwrap();
    assert_eq!(report.findings, []);
}

#[test]
fn a_second_daemon_learns_the_process_that_serves_the_folder() {
    let state = folder();
    let store = open(state.path());
    let error = open_error(state.path()).to_string();
    assert!(error.contains("already_running") && error.contains(&std::process::id().to_string()), "{error}");
    drop(store);
    reopen(state.path()).unwrap();
}

#[test]
fn files_are_for_the_owner_only() {
    let state = folder();
    let store = open(state.path());
    call(&store, 1);
    for file in state.path().read_dir().unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}

#[test]
fn an_older_database_beside_a_newer_head_is_rejected() {
    let (state, old) = (folder(), folder());
    let store = open(state.path());
    (0..20).for_each(|number| call(&store, number));
    store.close().unwrap();
    copy(state.path(), &old.path().join("old"));
    drop(store);
    let (store, _) = reopen(state.path()).unwrap();
    call(&store, 20);
    drop(store);
    fs::copy(old.path().join("old/briefcase.db"), state.path().join("briefcase.db")).unwrap();
    let error = open_error(state.path());
    assert!(matches!(error, StoreError::RolledBack { head: 42, database: 40 }), "{error}");
    assert!(error.to_string().contains("briefcase restore"));
    fs::remove_file(state.path().join("briefcase.db")).unwrap();
    assert!(matches!(open_error(state.path()), StoreError::RolledBack { head: 42, database: 0 }));
}

#[test]
fn another_history_of_the_same_length_is_rejected() {
    let (state, fork) = (folder(), folder());
    let store = open(state.path());
    call(&store, 1);
    store.close().unwrap();
    copy(state.path(), &fork.path().join("fork"));
    drop(store);
    for (path, number) in [(state.path(), 2), (&fork.path().join("fork"), 3)] {
        let (store, _) = reopen(path).unwrap();
        call(&store, number);
    }
    fs::copy(fork.path().join("fork/briefcase.db"), state.path().join("briefcase.db")).unwrap();
    assert!(matches!(open_error(state.path()), StoreError::Forked { size: 4 }));
    // The fork itself is consistent: only a head from elsewhere reveals it.
    let fork = fork.path().join("fork");
    clean(&fork);
    let head = briefcase_receipts::ReceiptCheckpoint { size: 3, ..witness(&fork) };
    let mut options = FsckOptions::new(keys::LogKey::new(7).public());
    options.witnessed.push(head);
    let report = fsck(&fork, options).unwrap();
    assert_eq!(report.findings[0].fault, briefcase_store::Fault::Forked);
}

fn witness(path: &Path) -> briefcase_receipts::ReceiptCheckpoint {
    let reader = Reader::open(path, keys::LogKey::new(7).public(), None).unwrap();
    reader.head().unwrap().checkpoint().clone()
}

#[test]
fn an_older_copy_of_the_folder_is_revealed_by_a_head_from_elsewhere() {
    let (state, old) = (folder(), folder());
    let store = open(state.path());
    call(&store, 1);
    store.close().unwrap();
    copy(state.path(), &old.path().join("old"));
    drop(store);
    let (store, _) = reopen(state.path()).unwrap();
    call(&store, 2);
    drop(store);
    let kept = witness(state.path());
    let mut options = FsckOptions::new(keys::LogKey::new(7).public());
    options.witnessed.push(kept);
    let report = fsck(&old.path().join("old"), options).unwrap();
    assert_eq!(report.findings[0].fault, briefcase_store::Fault::RolledBack);
}

#[test]
fn a_missing_head_is_rejected_except_in_a_restore() {
    let state = folder();
    let store = open(state.path());
    call(&store, 1);
    drop(store);
    fs::remove_file(state.path().join("head")).unwrap();
    for expect in [ExpectedState::Existing, ExpectedState::ExistingOrNew] {
        let error = Store::open(state.path(), keys::options(expect, 1)).map(|_| ()).unwrap_err();
        assert!(matches!(error, StoreError::HeadMissing { .. }), "{error}");
        assert!(error.to_string().contains("briefcase restore"), "{error}");
    }
    fs::write(state.path().join("head"), "").unwrap();
    fs::set_permissions(state.path().join("head"), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(open_error(state.path()), StoreError::HeadMissing { .. }));
    fs::remove_file(state.path().join("head")).unwrap();
    let (store, opened) = Store::open(state.path(), keys::options(ExpectedState::Restored, 2)).unwrap();
    assert_eq!(opened.size, 2);
    call(&store, 2);
    drop(store);
    assert!(matches!(open_error(state.path()), StoreError::OtherLog { .. }), "the old incarnation is over");
    Store::open(state.path(), keys::options(ExpectedState::Existing, 2)).unwrap();
    clean(state.path());
}

#[test]
fn a_torn_head_falls_back_to_the_one_before_and_is_repaired() {
    let state = folder();
    let store = open(state.path());
    (0..5).for_each(|number| call(&store, number));
    // No clean close: the two slots differ.
    let files = folder();
    copy(state.path(), &files.path().join("crashed"));
    drop(store);
    for slot in [0, 4096] {
        let crashed = files.path().join(format!("torn-{slot}"));
        copy(&files.path().join("crashed"), &crashed);
        let head = fs::OpenOptions::new().write(true).open(crashed.join("head")).unwrap();
        head.write_all_at(&[0; 512], slot).unwrap();
        let (store, opened) = reopen(&crashed).unwrap();
        assert_eq!(opened.size, 10);
        assert!(opened.recovered <= 2);
        drop(store);
        clean(&crashed);
    }
}

#[test]
fn an_empty_folder_becomes_a_record_only_on_request() {
    let state = folder();
    assert!(matches!(open_error(state.path()), StoreError::Missing(_)));
    assert!(Store::open(state.path(), keys::options(ExpectedState::ExistingOrNew, 1)).unwrap().1.created);
    assert!(!reopen(state.path()).unwrap().1.created);
    clean(state.path());
}

#[test]
fn a_newer_form_or_a_changed_schema_is_rejected() {
    let state = folder();
    let store = open(state.path());
    call(&store, 1);
    drop(store);
    let alter = |sql: &str| {
        let connection = rusqlite::Connection::open(state.path().join("briefcase.db")).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    alter("CREATE TRIGGER t AFTER INSERT ON batch BEGIN DELETE FROM batch; END");
    assert!(matches!(open_error(state.path()), StoreError::StateTampered { .. }));
    let report = fsck(state.path(), FsckOptions::new(keys::LogKey::new(7).public())).unwrap();
    assert_eq!(report.findings[0].fault, briefcase_store::Fault::Schema);
    alter("DROP TRIGGER t; PRAGMA user_version = 9");
    assert!(matches!(open_error(state.path()), StoreError::Newer { found: 9, .. }));
    alter("PRAGMA user_version = 1; PRAGMA application_id = 5");
    assert!(matches!(open_error(state.path()), StoreError::Damaged { .. }));
}

#[test]
fn a_backup_restores_under_a_new_incarnation() {
    let state = folder();
    let store = open(state.path());
    (0..30).for_each(|number| call(&store, number));
    let mut copy = Vec::new();
    assert_eq!(store.reader().backup(&mut copy).unwrap(), u64::try_from(copy.len()).unwrap());
    assert!(!state.path().join("backup.new").exists());
    call(&store, 31);
    let restored = folder();
    let database = restored.path().join("briefcase.db");
    fs::write(&database, copy).unwrap();
    fs::set_permissions(&database, fs::Permissions::from_mode(0o600)).unwrap();
    let (store, opened) = Store::open(restored.path(), keys::options(ExpectedState::Restored, 2)).unwrap();
    assert_eq!(opened.size, 60);
    call(&store, 40);
    let proof = store.reader().prove(ReceiptIndex(60)).unwrap();
    assert_eq!(proof.head.checkpoint().origin, keys::options(ExpectedState::Existing, 2).origin);
    drop(store);
    clean(restored.path());
}
