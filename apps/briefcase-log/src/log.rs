//! Reads and verifies a log's folder, and makes proofs from it.

use std::path::{Path, PathBuf};

use briefcase_tlog::{
    FileSource as _, LogFolder, LogProof, LogVerifierKey, SignedCheckpoint,
    merkle::{Frontier, leaf_hash},
    tiles::{self, EntryBundle, FILE_MAX, TileReader},
};

use crate::error::CommandError;

const NOTE_MAX: usize = 64 * 1024;

/// A log with a signed checkpoint whose root matches its tiles.
#[derive(Debug)]
pub struct SignedLog {
    folder: LogFolder,
    head: SignedCheckpoint,
}

impl SignedLog {
    /// Opens a log and verifies the right edge of its tree.
    pub fn open(path: &Path, key: &LogVerifierKey) -> Result<Self, CommandError> {
        let folder = LogFolder::new(path);
        let file = path.join(tiles::CHECKPOINT);
        let note = folder.read(tiles::CHECKPOINT, NOTE_MAX).map_err(CommandError::file(&file))?;
        let note = note.ok_or_else(|| CommandError::file(&file)(std::io::ErrorKind::NotFound.into()))?;
        let head = key.verify(&note)?;
        let log = Self { folder, head };
        if log.frontier()?.root() == log.head.checkpoint().root {
            Ok(log)
        } else {
            Err(CommandError::Damaged("the tiles do not match the signed checkpoint".into()))
        }
    }

    pub const fn head(&self) -> &SignedCheckpoint {
        &self.head
    }

    pub const fn size(&self) -> u64 {
        self.head.checkpoint().size
    }

    pub const fn folder(&self) -> &LogFolder {
        &self.folder
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub const fn reader(&self) -> TileReader<'_, LogFolder> {
        TileReader::new(&self.folder, self.size())
    }

    pub fn frontier(&self) -> Result<Frontier, CommandError> {
        Ok(Frontier::load(self.size(), &self.reader())?)
    }

    /// Returns the bundle of entries with this number, up to the log's size.
    pub fn bundle(&self, number: u64) -> Result<Vec<u8>, CommandError> {
        let width = (self.size() - number * tiles::WIDTH).min(tiles::WIDTH);
        let path = tiles::bundle_path(number, width);
        let file = self.file(&path);
        let bytes = self.folder.read(&path, FILE_MAX).map_err(CommandError::file(&file))?;
        bytes.ok_or_else(|| CommandError::Damaged(format!("{path} is missing")))
    }

    /// Returns the index of the newest entry with exactly these bytes.
    pub fn find(&self, entry: &[u8]) -> Result<Option<u64>, CommandError> {
        for number in (0..self.size().div_ceil(tiles::WIDTH)).rev() {
            let bytes = self.bundle(number)?;
            let mut bundle = EntryBundle(&bytes);
            let entries = std::iter::from_fn(|| bundle.next());
            if let Some((place, _)) = (0..).zip(entries).filter(|(_, one)| *one == entry).last() {
                return Ok(Some(number * tiles::WIDTH + place));
            }
        }
        Ok(None)
    }

    /// Makes the proof for an entry under the current checkpoint, with its cosignatures.
    pub fn prove(&self, index: u64) -> Result<LogProof, CommandError> {
        Ok(LogProof::prove(index, &self.head, &self.reader())?)
    }

    /// Derives every tile and the root again from the entries, and compares.
    pub fn check(&self) -> Result<(), CommandError> {
        let damaged = |what: String| CommandError::Damaged(what);
        let (mut frontier, mut tiler) = (Frontier::new(), tiles::Tiler::default());
        let same = |tile: &tiles::Tile| {
            let path = tile.path();
            let bytes = self.folder.read(&path, FILE_MAX).map_err(CommandError::file(&self.file(&path)))?;
            if bytes.as_deref() == Some(&tile.bytes()[..]) {
                Ok(())
            } else {
                Err(damaged(format!("{path} differs from the entries")))
            }
        };
        for number in 0..self.size().div_ceil(tiles::WIDTH) {
            let bytes = self.bundle(number)?;
            let mut bundle = EntryBundle(&bytes);
            while let Some(entry) = bundle.next() {
                let leaf = leaf_hash(entry);
                frontier.append(leaf);
                tiler.push(leaf).iter().try_for_each(same)?;
            }
            if !bundle.0.is_empty() {
                return Err(damaged(format!("the entries of bundle {number} end early")));
            }
        }
        tiler.finish().try_for_each(|tile| same(&tile))?;
        let head = self.head.checkpoint();
        if (frontier.size(), frontier.root()) == (head.size, head.root) {
            Ok(())
        } else {
            Err(damaged("the entries do not match the signed checkpoint".into()))
        }
    }
}
