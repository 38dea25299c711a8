//! The store as seen by a user, after a crash, and by an attacker with the disk.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

#[path = "../../../../tests/durability/src/keys.rs"]
mod keys;

mod journal;
mod opening;
mod overlap;
mod reading;
mod tamper;

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use briefcase_ports::{Durable, Entry, Journal as _, JournalError, Urgency};
use briefcase_receipts::Receipt;
use briefcase_store::{ExpectedState, Store};
use briefcase_types::ReceiptIndex;

fn folder() -> tempfile::TempDir {
    let owner_only = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(owner_only).tempdir().unwrap()
}

fn open(path: &Path) -> Store {
    Store::open(path, keys::options(ExpectedState::ExistingOrNew, 1)).unwrap().0
}

fn entry(receipt: Receipt) -> Entry {
    Entry { receipt, opening: None }
}

fn wait(durable: Durable) -> Result<ReceiptIndex, JournalError> {
    durable.blocking_recv().unwrap()
}

/// Makes receipts durable in few commits.
fn append_lazily(store: &Store, entries: impl Iterator<Item = Entry>) {
    let durables: Vec<_> = entries.map(|entry| store.append(entry, Urgency::Lazy)).collect();
    durables.into_iter().for_each(|durable| assert!(wait(durable).is_ok()));
}

/// Makes one call durable: intent with an opening, then outcome. Two commits.
fn call(store: &Store, number: u64) {
    let opening = Some(format!("{{\"n\":{number}}}").into());
    wait(store.append(Entry { receipt: keys::intent(number), opening }, Urgency::Now)).unwrap();
    wait(store.append(entry(keys::outcome(number)), Urgency::Now)).unwrap();
}

/// Changes the authority document.
fn change(store: &Store, old: u64, document: &'static str, records: Vec<briefcase_ports::Record>) {
    wait(store.change(keys::change(old, document.as_bytes()), document.into(), records)).unwrap();
}
