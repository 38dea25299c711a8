//! Making a log and appending to it. Everything under a head is on disk before the head is signed.

use std::path::Path;

use briefcase_tlog::{
    Checkpoint,
    tiles::{self, Tile, Tiler},
    tree::{Frontier, leaf_hash},
};

use crate::{
    disk::{self, Held, Readers},
    failure::Failure,
    key::Key,
    log::Log,
};

/// A folder whose files are durable one by one.
struct Durable<'a>(&'a Path);

impl Durable<'_> {
    fn keep(&self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        let file = self.0.join(path);
        if let Some(above) = file.parent() {
            disk::folder(above, Readers::Everybody)?;
        }
        disk::put(&file, bytes, Readers::Everybody)
    }

    fn tile(&self, tile: &Tile) -> Result<(), Failure> {
        self.keep(&tile.path(), &tile.bytes())
    }
}

/// Makes an empty log.
pub fn init(path: &Path, key: &Key) -> Result<Log, Failure> {
    disk::folder(path, Readers::Everybody)?;
    let _held = Held::take(path)?;
    let empty = Checkpoint { origin: key.log()?.origin, size: 0, root: Frontier::new().root() };
    let head = empty.sign(key.public(), |text| key.sign(text))?;
    disk::put_new(&path.join(tiles::CHECKPOINT), head.note().as_bytes(), Readers::Everybody)?;
    Log::open(path, &key.log()?)
}

/// Appends an entry and gives its place. The entry that is last already is not appended again, so that a caller who does
/// not know whether the last run ended can run again.
pub fn add(path: &Path, key: &Key, entry: &[u8]) -> Result<u64, Failure> {
    let _held = Held::take(path)?;
    let log = Log::open(path, &key.log()?)?;
    let durable = Durable(path);
    let size = log.size();
    let (number, within) = (size / tiles::WIDTH, size % tiles::WIDTH);
    if entry.is_empty() {
        return Err(Failure::EntryLength);
    }
    if size > 0 && log.find(entry)? == Some(size - 1) {
        return Ok(size - 1);
    }
    let mut bundle = if within == 0 { Vec::new() } else { log.bundle(number)? };
    tiles::append_entry(&mut bundle, entry).ok_or(Failure::EntryLength)?;
    durable.keep(&tiles::bundle_path(number, within + 1), &bundle)?;
    let (mut frontier, mut tiler) = (log.frontier()?, Tiler::resume(log.folder(), size)?);
    let leaf = leaf_hash(entry);
    frontier.append(leaf);
    tiler.push(leaf).iter().try_for_each(|tile| durable.tile(tile))?;
    tiler.finish().try_for_each(|tile| durable.tile(&tile))?;
    let head = Checkpoint { origin: key.log()?.origin, size: frontier.size(), root: frontier.root() };
    let head = head.sign(key.public(), |text| key.sign(text))?;
    durable.keep(tiles::CHECKPOINT, head.note().as_bytes())?;
    Ok(size)
}
