//! Attack 61: reads that run beside the commit of their intent are never lost, whatever the disk does.

use std::{fs, os::unix::fs::FileExt as _, path::Path};

use briefcase_ports::{Durable, Journal as _, OVERLAPPING_READS, Overlap};
use briefcase_receipts::{Kind, READS_LOST, Receipt};
use briefcase_store::{ExpectedState, Fault, FsckOptions, FsckReport, Opened, Store, StoreError, fsck};

use crate::{call, entry, folder, keys, open, wait};

const BLOCK: u64 = 4096;

fn beside(store: &Store, number: u64) -> Durable {
    let durable = match store.append_beside(entry(keys::intent(number))) {
        Overlap::Beside(durable) => Some(durable),
        Overlap::First(_) => None,
    };
    durable.unwrap()
}

fn reopen(path: &Path) -> Result<(Store, Opened), StoreError> {
    Store::open(path, keys::options(ExpectedState::Existing, 1))
}

fn check(path: &Path) -> FsckReport {
    fsck(path, FsckOptions::new(keys::LogKey::new(7).public())).unwrap()
}

fn faults(path: &Path) -> Vec<Fault> {
    check(path).findings.iter().map(|finding| finding.fault).collect()
}

fn receipts(store: &Store) -> Vec<Receipt> {
    store.reader().range(0..1000).unwrap().into_iter().map(|stored| stored.receipt).collect()
}

fn intents(store: &Store) -> Vec<briefcase_types::CallId> {
    let call = |receipt: Receipt| match receipt.kind {
        Kind::Intent(intent) => Some(intent.call),
        _ => None,
    };
    receipts(store).into_iter().filter_map(call).collect()
}

/// Makes every commit wait, and fail after two seconds.
fn hold(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path.join("briefcase.db")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

/// A state after reads whose commit failed, in a folder `crashed`.
fn after_failed_commits(place: &Path, reads: u64) {
    let crashed = place.join("crashed");
    let store = open(&crashed);
    call(&store, 1);
    let held = hold(&crashed);
    let durables: Vec<_> = (10..10 + reads).map(|number| beside(&store, number)).collect();
    assert!(store.failure().is_none(), "the failure is not noticed yet");
    durables.into_iter().for_each(|durable| drop(wait(durable).unwrap_err()));
    assert!(store.failure().is_some());
    assert!(matches!(store.append_beside(entry(keys::intent(99))), Overlap::First(_)), "nothing runs any more");
    drop((held, store));
}

#[test]
fn a_read_whose_commit_failed_is_recorded_by_the_next_start() {
    for reads in [1, 3, u64::from(OVERLAPPING_READS)] {
        let place = folder();
        after_failed_commits(place.path(), reads);
        let crashed = place.path().join("crashed");
        let report = check(&crashed);
        assert_eq!(faults(&crashed), [Fault::Unrecorded]);
        assert!(report.findings[0].what.contains(&format!("{reads} reads were sent")), "{report:?}");
        let (store, opened) = reopen(&crashed).unwrap();
        assert_eq!((opened.unrecorded, opened.unknown), (reads, 0));
        assert_eq!(u64::try_from(opened.orphans.len()), Ok(reads), "they have no outcome");
        let mut expected = vec![keys::call(1)];
        expected.extend((10..10 + reads).map(keys::call));
        assert_eq!(intents(&store), expected);
        drop(store);
        assert_eq!(faults(&crashed), []);
        let (store, opened) = reopen(&crashed).unwrap();
        assert_eq!((opened.unrecorded, intents(&store).len()), (0, expected.len()), "they are recorded once");
    }
}

/// A crash between the commit and the emptying of the slot.
#[test]
fn an_intent_that_is_on_record_is_not_recorded_again() {
    let place = folder();
    let state = place.path();
    let store = open(state);
    call(&store, 1);
    let held = hold(state);
    let durable = beside(&store, 10);
    let overlap = fs::read(state.join("overlap")).unwrap();
    drop(held);
    wait(durable).unwrap();
    store.close().unwrap();
    drop(store);
    fs::write(state.join("overlap"), overlap).unwrap();
    assert_eq!(faults(state), []);
    let (store, opened) = reopen(state).unwrap();
    assert_eq!((opened.unrecorded, opened.unknown, opened.orphans.len()), (0, 0, 1));
    assert_eq!(intents(&store), [keys::call(1), keys::call(10)]);
}

/// What remains of a file that was edited, torn or removed counts as lost reads.
#[test]
fn a_damaged_file_counts_reads_that_may_have_been_sent() {
    type Damage = fn(&Path);
    let all = u64::from(OVERLAPPING_READS);
    let cases: [(&str, Damage, u64, u64); 14] = [
        ("a truncated file", |path| truncate(path, BLOCK), 0, all),
        ("a file truncated in a slot", |path| truncate(path, 30 * BLOCK + 100), 0, 3),
        ("an empty file", |path| truncate(path, 0), 0, all),
        ("a file of zeros", |path| write(path, 0, &[0; 33 * 4096]), 0, all),
        ("one zeroed slot", |path| write(path, 32 * BLOCK, &[0; 4096]), 2, 1),
        ("the first byte of a slot zeroed", |path| write(path, 32 * BLOCK, &[0]), 2, 1),
        ("all slots zeroed", |path| write(path, BLOCK, &[0; 32 * 4096]), 0, all),
        ("the mark of another slot", |path| copy(path, BLOCK, 32 * BLOCK), 2, 1),
        ("a torn slot", |path| write(path, 32 * BLOCK + 2, &[0xff; 600]), 2, 1),
        ("an edited intent", |path| write(path, 32 * BLOCK + 100, b"evil"), 2, 1),
        ("an invented slot", |path| write(path, BLOCK, &[1, 1, 1, 1]), 3, 1),
        ("another boot", |path| write(path, 21, b"00000000-0000"), 3, all - 3),
        ("a damaged header", |path| write(path, 0, b"x"), 3, all - 3),
        ("a removed file", |path| fs::remove_file(path).unwrap(), 0, all),
    ];
    for (what, damage, unrecorded, unknown) in cases {
        let place = folder();
        after_failed_commits(place.path(), 3);
        let crashed = place.path().join("crashed");
        damage(&crashed.join("overlap"));
        assert!(
            faults(&crashed).iter().all(|fault| *fault == Fault::Unrecorded) && !faults(&crashed).is_empty(),
            "{what}"
        );
        let (store, opened) = reopen(&crashed).unwrap();
        assert_eq!((opened.unrecorded, opened.unknown), (unrecorded, unknown), "{what}");
        let lost: Vec<String> = receipts(&store)
            .iter()
            .filter_map(|receipt| match &receipt.kind {
                Kind::Notice(notice) if notice.what.as_str() == READS_LOST => Some(notice.detail.clone()?.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(lost, [unknown.to_string()], "{what}");
        drop(store);
        assert_eq!(faults(&crashed), [], "{what}");
    }
}

fn truncate(path: &Path, size: u64) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(size).unwrap();
}

fn copy(path: &Path, from: u64, to: u64) {
    let mut block = [0; 4096];
    fs::File::open(path).unwrap().read_exact_at(&mut block, from).unwrap();
    write(path, to, &block);
}

/// The header and the marks of one run do not fit to those of another.
#[test]
fn marks_of_an_earlier_run_are_not_empty_slots() {
    let place = folder();
    let crashed = place.path().join("crashed");
    let store = open(&crashed);
    let earlier = fs::read(crashed.join("overlap")).unwrap();
    call(&store, 7);
    store.close().unwrap();
    drop(store);
    after_failed_commits(place.path(), 3);
    let own = fs::read(crashed.join("overlap")).unwrap();
    let slot = usize::try_from(BLOCK).unwrap();
    let marks = [&own[..slot], &earlier[slot..]].concat();
    let header = [&earlier[..slot], &own[slot..]].concat();
    for (what, forged, unrecorded, unknown) in [("marks", marks, 0, 32), ("header", header, 3, 29)] {
        fs::write(crashed.join("overlap"), forged).unwrap();
        let copy = place.path().join(what);
        copy_folder(&crashed, &copy);
        let opened = reopen(&copy).unwrap().1;
        assert_eq!((opened.unrecorded, opened.unknown), (unrecorded, unknown), "{what}");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn write(path: &Path, at: u64, bytes: &[u8]) {
    fs::OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}

#[test]
fn a_clean_end_leaves_nothing_behind_also_for_another_boot() {
    let place = folder();
    let store = open(place.path());
    for number in 0..100 {
        wait(beside(&store, number)).unwrap();
    }
    store.close().unwrap();
    drop(store);
    let header = fs::read(place.path().join("overlap")).unwrap();
    assert_eq!(header[20], 0, "no boot is named, so the next one does not matter");
    let (store, opened) = reopen(place.path()).unwrap();
    assert_eq!((opened.unrecorded, opened.unknown, intents(&store).len()), (0, 0, 100));
}

#[test]
fn more_reads_than_slots_and_long_intents_wait_for_their_commit() {
    let place = folder();
    let store = open(place.path());
    let mut long = keys::intent(7);
    if let Kind::Intent(intent) = &mut long.kind {
        let word = briefcase_receipts::Word::lossy("x".repeat(64));
        intent.policies = std::iter::repeat_n(word.clone(), 16).collect();
        intent.labels = std::iter::repeat_n(word, 16).collect();
        intent.name = Some(briefcase_receipts::Text::lossy(&"\\".repeat(256)));
    }
    assert!(matches!(store.append_beside(entry(long)), Overlap::Beside(_)), "the longest intent of today fits");
    // No commit ends before the transaction of another connection does, so no slot becomes free.
    let held = hold(place.path());
    let many = 4 * u64::from(OVERLAPPING_READS);
    let overlaps: Vec<_> = (0..many).map(|number| store.append_beside(entry(keys::intent(100 + number)))).collect();
    let free = overlaps.iter().filter(|overlap| matches!(overlap, Overlap::Beside(_))).count();
    assert!((1..=usize::from(OVERLAPPING_READS)).contains(&free), "{free} reads ran beside their commit");
    drop(held);
    for overlap in overlaps {
        let (Overlap::Beside(durable) | Overlap::First(durable)) = overlap;
        wait(durable).unwrap();
    }
    // The slots are empty again.
    for number in 0..u64::from(OVERLAPPING_READS) {
        wait(beside(&store, 1000 + number)).unwrap();
    }
}
