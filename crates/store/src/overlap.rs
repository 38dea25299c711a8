//! The file `overlap`: the intents of reads that run beside the commit of their intent.
//!
//! Invariant: every read that was sent before its intent was durable has its intent in this file, or on record.
//!
//! The file has its full size from the beginning, so writing a slot needs no space on the disk. A slot is written before
//! the read is sent and emptied after the commit. The bytes survive the death of the process. A start records the intents
//! that are still in slots; without an outcome, they count as spent.
//!
//! An empty slot has a sealed mark of its place and run. Zeros, a short file and a mark of another run or slot are not empty: as
//! many reads may have been sent. A copy of the whole file, or of a mark of the same run, cannot be told from the original.
//!
//! A slot is not waited for, so a crash of the whole machine may lose all of them. The header names the boot during which
//! the file is in use. After another boot, as many reads as there are slots may have been sent without a record, and the
//! start records that number.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    sync::{Mutex, MutexGuard, PoisonError},
};

use briefcase_ports::OVERLAPPING_READS;
use briefcase_private_fs::{create_new, open_for_reading, open_for_writing};
use briefcase_receipts::{Kind, Receipt};
use briefcase_types::Digest;

use crate::{
    Place, Seal, SealError, StoreError,
    codec::{put_bytes, put_number, take_bytes, take_number},
    state_dir::StateDir,
};

/// One slot for each read that may run beside its commit.
pub(crate) const SLOTS: u16 = OVERLAPPING_READS;
const BLOCK: usize = 4096;
const MAGIC: &[u8] = b"briefcase overlap 2\n";
const USED: u8 = 1;
const EMPTY: u8 = 2;

/// A slot with the intent of one read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Slot(u16);

/// The file while the store is open.
#[derive(Debug, Default)]
pub(crate) struct OverlapFile(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    file: Option<File>,
    free: Vec<u16>,
    run: Option<Run>,
}

/// The period from one opening of the file to the next.
#[derive(Debug)]
struct Run {
    name: Digest,
    /// The mark of each empty slot.
    marks: Vec<Vec<u8>>,
}

/// The content of a used slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    slot: u16,
    /// The size of the log when the slot was written. The intent is not on record before this index.
    pub from: u64,
    pub body: Vec<u8>,
    sealed: Vec<u8>,
}

/// The content of the file after a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftBehind {
    /// The used slots that can be read.
    pub slots: Vec<Left>,
    /// The maximum number of reads that were sent and whose intents are lost.
    pub unknown: u64,
}

impl OverlapFile {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an intent into a free slot. Returns `None` when the read must wait for its commit.
    pub(crate) fn take(&self, seal: &dyn Seal, from: u64, body: &[u8]) -> Option<Slot> {
        let slot = {
            let mut inner = self.lock();
            inner.file.as_ref()?;
            inner.free.pop()?
        };
        let Some(block) = encode(seal, slot, from, body) else {
            self.lock().free.push(slot);
            return None;
        };
        let written = self.write(slot, &block);
        if written.is_none() {
            // The slot may be half written. It is not used again before the next start.
            tracing::warn!("the file `overlap` cannot be written; reads wait for their record");
        }
        written.map(|()| Slot(slot))
    }

    /// Empties a slot: its intent is on record, or its read was not sent.
    pub(crate) fn clear(&self, slot: Slot) {
        let Slot(number) = slot;
        let mark = self.lock().run.as_ref().and_then(|run| run.marks.get(usize::from(number)).cloned());
        if mark.and_then(|mark| self.write(number, &mark)).is_some() {
            self.lock().free.push(number);
        }
    }

    fn write(&self, slot: u16, bytes: &[u8]) -> Option<()> {
        self.lock().file.as_ref()?.write_all_at(bytes, place(slot)).ok()
    }

    /// Starts a run: empties all slots and names the present boot. `size` is the size of the log. Without a boot's name, no
    /// read runs beside its commit.
    pub(crate) fn begin(&self, folder: &StateDir, seal: &dyn Seal, size: u64) -> Result<(), StoreError> {
        let path = folder.overlap();
        let exists = path.try_exists().map_err(StoreError::io("inspect the file `overlap`"))?;
        let run = Run::begin(seal, size)?;
        let boot = boot();
        let mut all = header(seal, boot.as_deref().unwrap_or_default(), &run.name)?;
        for mark in &run.marks {
            all.extend_from_slice(mark);
            all.resize(all.len().next_multiple_of(BLOCK), 0);
        }
        let file = if exists { open_for_writing(&path)? } else { create_new(&path)? };
        let written = file.write_all_at(&all, 0).and_then(|()| file.sync_all());
        written.map_err(StoreError::io("write the file `overlap`"))?;
        if !exists {
            folder.sync()?;
        }
        let file = boot.is_some().then_some(file);
        *self.lock() = Inner { file, free: (0..SLOTS).collect(), run: Some(run) };
        Ok(())
    }

    /// Ends a run in which every intent is on record.
    pub(crate) fn finish(&self, seal: &dyn Seal) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let (Some(file), Some(run)) = (inner.file.take(), inner.run.take()) else { return Ok(()) };
        let all_free = inner.free.len() == usize::from(SLOTS);
        drop(inner);
        if !all_free {
            return Ok(());
        }
        let block = header(seal, "", &run.name)?;
        let written = file.write_all_at(&block, 0).and_then(|()| file.sync_data());
        written.map_err(StoreError::io("write the file `overlap`"))
    }
}

impl Run {
    fn begin(seal: &dyn Seal, size: u64) -> Result<Self, StoreError> {
        // A sealed value differs each time, and so does the size of the log after a run with receipts.
        let unique = seal.seal(Place::Overlap { slot: SLOTS }, b"run")?;
        let name = Digest::labelled("briefcase/store/overlap-run/1", &[&unique, &size.to_be_bytes()]);
        let mark = |slot| {
            let mut mark = vec![EMPTY];
            put_bytes(&seal.seal(Place::Overlap { slot }, mark_name(&name, slot).as_bytes())?, &mut mark);
            Ok(mark)
        };
        let marks = (0..SLOTS).map(mark).collect::<Result<_, SealError>>()?;
        Ok(Self { name, marks })
    }
}

impl Left {
    /// Returns the intent, if this store wrote the slot.
    pub(crate) fn intent(&self, seal: &dyn Seal) -> Option<Receipt> {
        let written = seal.open(Place::Overlap { slot: self.slot }, &self.sealed).ok()?;
        let holds = written.expose(|written| written == name(self.from, &self.body).as_bytes());
        holds.then(|| self.unverified()).flatten()
    }

    /// Returns the intent without verifying its origin.
    pub(crate) fn unverified(&self) -> Option<Receipt> {
        Receipt::decode(&self.body).ok().filter(|receipt| matches!(receipt.kind, Kind::Intent(_)))
    }
}

/// Reads the file of the last run. Returns `None` when it does not exist. Without a seal, the origin of marks is not verified.
pub(crate) fn left_behind(folder: &StateDir, seal: Option<&dyn Seal>) -> Result<Option<LeftBehind>, StoreError> {
    let path = folder.overlap();
    if !path.try_exists().map_err(StoreError::io("inspect the file `overlap`"))? {
        return Ok(None);
    }
    let file = open_for_reading(&path)?;
    let head = read_block(&file, 0)?;
    let header = Header::read(&head).filter(|header| header.is_own(seal));
    let mut left = LeftBehind::default();
    for slot in 0..SLOTS {
        let block = read_block(&file, place(slot))?;
        if let Some(found) = decode(slot, &block) {
            left.slots.push(found);
        } else if !header.as_ref().is_some_and(|header| header.has_empty(slot, &block, seal)) {
            left.unknown = left.unknown.saturating_add(1);
        }
    }
    if !header.is_some_and(|header| header.survived()) {
        let seen = u64::try_from(left.slots.len()).unwrap_or(u64::MAX);
        left.unknown = u64::from(SLOTS).saturating_sub(seen);
    }
    Ok(Some(left))
}

/// The first block of the file.
struct Header<'a> {
    /// The name of the boot; empty after a clean end.
    boot: &'a [u8],
    run: Digest,
    sealed: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(block: &'a [u8]) -> Option<Self> {
        let mut rest = block.strip_prefix(MAGIC)?;
        let boot = take_bytes(&mut rest)?;
        let run = Digest::from_bytes(take_bytes(&mut rest)?.try_into().ok()?);
        Some(Self { boot, run, sealed: take_bytes(&mut rest)? })
    }

    /// Returns whether this store wrote the header.
    fn is_own(&self, seal: Option<&dyn Seal>) -> bool {
        is_sealed(seal, SLOTS, &header_name(self.boot, &self.run), self.sealed)
    }

    /// Returns whether a slot has the mark of an empty one.
    fn has_empty(&self, slot: u16, block: &[u8], seal: Option<&dyn Seal>) -> bool {
        let mark = block.strip_prefix(&[EMPTY]).and_then(|mut rest| take_bytes(&mut rest));
        mark.is_some_and(|mark| is_sealed(seal, slot, &mark_name(&self.run, slot), mark))
    }

    /// Returns whether the slots are complete: the file was closed, or the machine has not been started again since.
    fn survived(&self) -> bool {
        self.boot.is_empty() || boot().is_some_and(|now| now.as_bytes() == self.boot)
    }
}

fn is_sealed(seal: Option<&dyn Seal>, slot: u16, name: &Digest, sealed: &[u8]) -> bool {
    seal.is_none_or(|seal| {
        let opened = seal.open(Place::Overlap { slot }, sealed);
        opened.is_ok_and(|written| written.expose(|written| written == name.as_bytes()))
    })
}

fn read_block(file: &File, at: u64) -> Result<Vec<u8>, StoreError> {
    let mut block = vec![0; BLOCK];
    let mut filled = 0_usize;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let offset = at.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        match file.read_at(rest, offset).map_err(StoreError::io("read the file `overlap`"))? {
            0 => break,
            read => filled = filled.saturating_add(read),
        }
    }
    Ok(block)
}

fn place(slot: u16) -> u64 {
    u64::from(slot).saturating_add(1).saturating_mul(u64::try_from(BLOCK).unwrap_or(u64::MAX))
}

/// Encodes the first block.
fn header(seal: &dyn Seal, boot: &str, run: &Digest) -> Result<Vec<u8>, StoreError> {
    let sealed = seal.seal(Place::Overlap { slot: SLOTS }, header_name(boot.as_bytes(), run).as_bytes())?;
    let mut block = MAGIC.to_vec();
    put_bytes(boot.as_bytes(), &mut block);
    put_bytes(run.as_bytes(), &mut block);
    put_bytes(&sealed, &mut block);
    block.resize(BLOCK, 0);
    Ok(block)
}

fn header_name(boot: &[u8], run: &Digest) -> Digest {
    Digest::labelled("briefcase/store/overlap-header/1", &[boot, run.as_bytes()])
}

fn mark_name(run: &Digest, slot: u16) -> Digest {
    Digest::labelled("briefcase/store/overlap-empty/1", &[run.as_bytes(), &slot.to_be_bytes()])
}

fn name(from: u64, body: &[u8]) -> Digest {
    Digest::labelled("briefcase/store/overlap/1", &[&from.to_be_bytes(), body])
}

/// Encodes a slot; `None` when the intent is too long.
fn encode(seal: &dyn Seal, slot: u16, from: u64, body: &[u8]) -> Option<Vec<u8>> {
    let sealed = seal.seal(Place::Overlap { slot }, name(from, body).as_bytes()).ok()?;
    let mut block = vec![USED];
    put_number(from, &mut block);
    put_bytes(body, &mut block);
    put_bytes(&sealed, &mut block);
    (block.len() <= BLOCK).then_some(block)
}

fn decode(slot: u16, block: &[u8]) -> Option<Left> {
    let mut rest = block.strip_prefix(&[USED])?;
    let from = take_number(&mut rest)?;
    let body = take_bytes(&mut rest)?.to_vec();
    let sealed = take_bytes(&mut rest)?.to_vec();
    Some(Left { slot, from, body, sealed })
}

/// Returns the name of the machine's present boot.
fn boot() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
