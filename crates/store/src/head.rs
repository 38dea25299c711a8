//! The file `head`: the newest signed checkpoint, outside the database.
//!
//! Invariant: every head in the file was durable in the database first.
//!
//! Each commit writes its head without waiting for the disk, into two slots in turn, each in a block of its own. A torn
//! or lost write damages one slot: its note does not verify, and the other slot still has the previous head. A killed
//! process loses nothing, because the system has the bytes. A power cut may lose the newest heads, and never invents
//! one.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use briefcase_private_fs::{create_or_truncate, open_for_reading, open_for_writing};
use briefcase_receipts::checkpoint::{PublicKey, SignedReceiptCheckpoint};

use crate::{StoreError, state_dir::StateDir};

const SLOT: usize = 4096;
const SLOTS: u64 = 2;

#[derive(Debug)]
pub(crate) struct HeadFile {
    file: File,
    next: u64,
}

impl HeadFile {
    /// Creates the file with one head in both slots, durably.
    pub(crate) fn create(folder: &StateDir, head: &SignedReceiptCheckpoint) -> Result<Self, StoreError> {
        let file = create_or_truncate(&folder.head())?;
        let mut made = Self { file, next: 0 };
        made.write(head)?;
        made.write(head)?;
        made.sync()?;
        folder.sync()?;
        Ok(made)
    }

    /// Opens the existing file for writing.
    pub(crate) fn open(folder: &StateDir) -> Result<Self, StoreError> {
        Ok(Self { file: open_for_writing(&folder.head())?, next: 0 })
    }

    /// Replaces the older of the two heads. Does not wait for the disk.
    pub(crate) fn write(&mut self, head: &SignedReceiptCheckpoint) -> Result<(), StoreError> {
        let mut slot = head.note().as_bytes().to_vec();
        if slot.len() > SLOT {
            return Err(StoreError::damaged("a head is too long"));
        }
        slot.resize(SLOT, 0);
        let at = self.next.saturating_mul(u64::try_from(SLOT).unwrap_or(0));
        self.file.write_all_at(&slot, at).map_err(StoreError::io("write the file `head`"))?;
        self.next = self.next.wrapping_add(1) % SLOTS;
        Ok(())
    }

    /// Waits until the newest head is on disk.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(StoreError::io("write the file `head` to disk"))
    }
}

/// The content of the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeadFileContent {
    /// The file is missing.
    Nothing,
    /// The file has no valid head.
    Unreadable,
    /// The newest valid head, and the other one if it is valid too.
    Heads(SignedReceiptCheckpoint, Option<SignedReceiptCheckpoint>),
}

/// Reads the valid heads.
pub(crate) fn read(folder: &StateDir, key: &PublicKey) -> Result<HeadFileContent, StoreError> {
    let Some(slots) = slots(folder, key)? else { return Ok(HeadFileContent::Nothing) };
    let mut heads: Vec<SignedReceiptCheckpoint> = slots.into_iter().flatten().collect();
    heads.sort_by_key(|head| head.checkpoint().size);
    match heads.pop() {
        Some(newest) => Ok(HeadFileContent::Heads(newest, heads.pop())),
        None => Ok(HeadFileContent::Unreadable),
    }
}

/// Reads the head of each slot: `None` for an invalid one, and `None` as a whole for a missing file.
pub(crate) fn slots(
    folder: &StateDir,
    key: &PublicKey,
) -> Result<Option<[Option<SignedReceiptCheckpoint>; 2]>, StoreError> {
    let path = folder.head();
    if !path.try_exists().map_err(StoreError::io("inspect the file `head`"))? {
        return Ok(None);
    }
    let file = open_for_reading(&path)?;
    let slot = |number| Ok::<_, StoreError>(parse(&read_slot(&file, number)?, key));
    Ok(Some([slot(0)?, slot(1)?]))
}

fn parse(slot: &[u8], key: &PublicKey) -> Option<SignedReceiptCheckpoint> {
    let (note, rest) = slot.split_at(slot.iter().position(|byte| *byte == 0)?);
    let head = SignedReceiptCheckpoint::verify(note, key).ok()?;
    rest.iter().all(|byte| *byte == 0).then_some(head)
}

fn read_slot(file: &File, slot: u64) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; SLOT];
    let mut filled = 0;
    let start = slot.saturating_mul(u64::try_from(SLOT).unwrap_or(0));
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = start.saturating_add(u64::try_from(filled).unwrap_or(0));
        match file.read_at(rest, at).map_err(StoreError::io("read the file `head`"))? {
            0 => break,
            read => filled = filled.saturating_add(read),
        }
    }
    Ok(bytes)
}

/// The time that a reader waits for the head of a durable receipt.
const SOON: Duration = Duration::from_secs(2);

/// The newest head of a running store, for readers.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    newest: Mutex<Option<SignedReceiptCheckpoint>>,
    changed: Condvar,
}

impl Heads {
    pub(crate) fn publish(&self, head: SignedReceiptCheckpoint) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(head);
        self.changed.notify_all();
    }

    /// Returns the size of the newest head.
    pub(crate) fn size(&self) -> u64 {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.as_ref().map_or(0, |head| head.checkpoint().size)
    }

    /// Returns the newest head with at least `size` receipts. Waits for it, because an entry is acknowledged a moment
    /// before its head is published.
    pub(crate) fn at_least(&self, size: u64) -> Option<SignedReceiptCheckpoint> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let short =
            |head: &mut Option<SignedReceiptCheckpoint>| head.as_ref().is_none_or(|head| head.checkpoint().size < size);
        let (newest, _) = self.changed.wait_timeout_while(newest, SOON, short).unwrap_or_else(PoisonError::into_inner);
        newest.clone().filter(|head| head.checkpoint().size >= size)
    }
}
