//! Creates a log and appends to it. All files under a checkpoint are on disk before the checkpoint is signed.

use std::path::Path;

use briefcase_private_fs::{FileAccess, create_folders, write, write_new};
use briefcase_tlog::{
    Checkpoint,
    merkle::{Frontier, leaf_hash},
    tiles::{self, Tile, Tiler},
};

use crate::{error::CommandError, key::NoteSigner, lock::lock_folder, log::SignedLog};

/// A folder whose files are written durably, one at a time.
struct DurableFolder<'a>(&'a Path);

impl DurableFolder<'_> {
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), CommandError> {
        let file = self.0.join(path);
        if let Some(above) = file.parent() {
            create_folders(above, FileAccess::Public)?;
        }
        Ok(write(&file, bytes, FileAccess::Public)?)
    }

    fn tile(&self, tile: &Tile) -> Result<(), CommandError> {
        self.write(&tile.path(), &tile.bytes())
    }
}

/// Creates an empty log.
pub fn init(path: &Path, key: &NoteSigner) -> Result<SignedLog, CommandError> {
    create_folders(path, FileAccess::Public)?;
    let _lock = lock_folder(path)?;
    let empty = Checkpoint { origin: key.log()?.origin, size: 0, root: Frontier::new().root() };
    let head = empty.sign(key.public(), |text| key.sign(text))?;
    write_new(&path.join(tiles::CHECKPOINT), head.note().as_bytes(), FileAccess::Public)
        .map_err(CommandError::creation)?;
    SignedLog::open(path, &key.log()?)
}

/// Appends an entry and returns its index. If the last entry is equal, nothing is appended, so a caller can retry after
/// an interrupted run.
pub fn add(path: &Path, key: &NoteSigner, entry: &[u8]) -> Result<u64, CommandError> {
    let _lock = lock_folder(path)?;
    let log = SignedLog::open(path, &key.log()?)?;
    let durable = DurableFolder(path);
    let size = log.size();
    let (number, within) = (size / tiles::WIDTH, size % tiles::WIDTH);
    if entry.is_empty() {
        return Err(CommandError::EntryLength);
    }
    if size > 0 && log.find(entry)? == Some(size - 1) {
        return Ok(size - 1);
    }
    let mut bundle = if within == 0 { Vec::new() } else { log.bundle(number)? };
    tiles::append_entry(&mut bundle, entry).ok_or(CommandError::EntryLength)?;
    durable.write(&tiles::bundle_path(number, within + 1), &bundle)?;
    let (mut frontier, mut tiler) = (log.frontier()?, Tiler::resume(log.folder(), size)?);
    let leaf = leaf_hash(entry);
    frontier.append(leaf);
    tiler.push(leaf).iter().try_for_each(|tile| durable.tile(tile))?;
    tiler.finish().try_for_each(|tile| durable.tile(&tile))?;
    let head = Checkpoint { origin: key.log()?.origin, size: frontier.size(), root: frontier.root() };
    let head = head.sign(key.public(), |text| key.sign(text))?;
    durable.write(tiles::CHECKPOINT, head.note().as_bytes())?;
    Ok(size)
}
