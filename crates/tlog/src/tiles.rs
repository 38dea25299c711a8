//! The layout of a log as static files: C2SP tlog-tiles.
//!
//! Invariant: the entries alone determine every path and its content. A verifier derives every tile again and compares.
//! A writer stores tiles that the same code derives.

use briefcase_types::Digest;

use crate::{
    folder::FileSource,
    merkle::{HashReader, LogError, node_hash, stored_position},
};

/// The number of hashes in a full tile, and of entries in a full bundle.
pub const WIDTH: u64 = 256;

/// The size of a full tile in bytes.
const TILE_MAX: usize = 256 * 32;

/// The largest file of a log: 256 entries of 65,535 bytes with their lengths.
pub const FILE_MAX: usize = 256 * (65_535 + 2);

/// The path of the signed checkpoint.
pub const CHECKPOINT: &str = "checkpoint";

/// The path of a tile with `width` hashes.
#[must_use]
pub fn tile_path(level: usize, number: u64, width: u64) -> String {
    format!("tile/{level}/{}{}", number_path(number), partial(width))
}

/// The path of a bundle with `width` entries.
#[must_use]
pub fn bundle_path(number: u64, width: u64) -> String {
    format!("tile/entries/{}{}", number_path(number), partial(width))
}

fn partial(width: u64) -> String {
    if width == WIDTH { String::new() } else { format!(".p/{width}") }
}

/// A number as path elements of three digits. All but the last element begin with `x`.
fn number_path(number: u64) -> String {
    let (mut path, mut rest) = (format!("{:03}", number % 1000), number / 1000);
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

/// The entries of a bundle, read one after another.
#[derive(Debug)]
pub struct EntryBundle<'a>(pub &'a [u8]);

impl<'a> EntryBundle<'a> {
    /// The next entry's bytes; `None` at the end, or when the bytes end early.
    #[expect(
        clippy::should_implement_trait,
        reason = "the bytes that are left distinguish the end from a truncated entry"
    )]
    pub fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.0 = rest;
        Some(entry)
    }
}

/// Appends an entry to a bundle. Returns `None` when the entry is too long.
pub fn append_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Some(())
}

/// A tile with all the hashes that the log has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The tile's level, 0 for leaves.
    pub level: usize,
    /// The tile's index in its level.
    pub number: u64,
    /// The tile's hashes, 1 to 256.
    pub hashes: Vec<Digest>,
}

impl Tile {
    /// The tile's path.
    #[must_use]
    pub fn path(&self) -> String {
        tile_path(self.level, self.number, u64::try_from(self.hashes.len()).unwrap_or_default())
    }

    /// The bytes of the tile's file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }

    /// The root over a full tile.
    fn root(&self) -> Digest {
        fold(self.hashes.clone()).unwrap_or_else(|| Digest::sha256(b""))
    }
}

/// The root over a row whose length is a power of two.
fn fold(mut row: Vec<Digest>) -> Option<Digest> {
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    row.first().copied()
}

/// Reads hashes of a log from its tiles, without verifying them. A proof from wrong tiles fails verification, and an
/// appender checks the root first.
pub struct TileReader<'a, S: ?Sized> {
    source: &'a S,
    size: u64,
}

impl<'a, S: FileSource + ?Sized> TileReader<'a, S> {
    /// Reads the tiles of a log of `size` entries.
    #[must_use]
    pub const fn new(source: &'a S, size: u64) -> Self {
        Self { source, size }
    }

    /// The hash of node `n` at `level` of the tree, read from the lowest tile row that contains it.
    fn hash(&self, level: u8, n: u64) -> Result<Digest, LogError> {
        let (row, above) = (level / 8, level % 8);
        let span = 1_u64 << above;
        let first = n.checked_mul(span).ok_or(LogError::OutOfLog)?;
        let hashes = self.tile(row, first / WIDTH)?;
        let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let part = hashes.get(at(first % WIDTH)..at(first % WIDTH + span)).ok_or(LogError::OutOfLog)?;
        fold(part.to_vec()).ok_or(LogError::OutOfLog)
    }

    fn tile(&self, row: u8, number: u64) -> Result<Vec<Digest>, LogError> {
        let complete = self.size >> (u32::from(row) * 8);
        let width = complete.saturating_sub(number.saturating_mul(WIDTH)).min(WIDTH);
        let path = tile_path(usize::from(row), number, width);
        let storage = |why: String| LogError::Storage(format!("{path}: {why}"));
        let bytes = self.source.read(&path, TILE_MAX).map_err(|error| storage(error.to_string()))?;
        let bytes = bytes.ok_or_else(|| storage("the file is missing".into()))?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if rest.is_empty() && u64::try_from(hashes.len()) == Ok(width) && width > 0 {
            Ok(hashes.iter().map(|hash| Digest::from_bytes(*hash)).collect())
        } else {
            Err(storage("the file's length does not match the width in its name".into()))
        }
    }
}

impl<S: FileSource + ?Sized> HashReader for TileReader<'_, S> {
    fn read(&self, indexes: &[u64]) -> Result<Vec<Digest>, LogError> {
        indexes.iter().map(|index| stored_position(*index)).map(|(level, n)| self.hash(level, n)).collect()
    }
}

/// Turns leaves into tiles. Keeps one unfinished tile per level.
#[derive(Clone, Debug, Default)]
pub struct Tiler {
    levels: Vec<Level>,
}

#[derive(Clone, Debug, Default)]
struct Level {
    full: u64,
    hashes: Vec<Digest>,
}

impl Tiler {
    /// Continues a log of `size` entries from its last tiles. Each tile is read once.
    ///
    /// # Errors
    /// [`LogError::Storage`] when a tile is missing or has another width.
    pub fn resume<S: FileSource + ?Sized>(source: &S, size: u64) -> Result<Self, LogError> {
        let reader = TileReader::new(source, size);
        let mut levels = Vec::new();
        for row in 0..8_u8 {
            let complete = size >> (u32::from(row) * 8);
            if complete == 0 {
                break;
            }
            let full = complete / WIDTH;
            let hashes = if complete.is_multiple_of(WIDTH) { Vec::new() } else { reader.tile(row, full)? };
            levels.push(Level { full, hashes });
        }
        Ok(Self { levels })
    }

    /// Adds the next leaf. Returns the tiles that it completed, lowest level first.
    pub fn push(&mut self, leaf: Digest) -> Vec<Tile> {
        let (mut done, mut hash) = (Vec::new(), leaf);
        for depth in 0.. {
            if self.levels.len() == depth {
                self.levels.push(Level::default());
            }
            let Some(level) = self.levels.get_mut(depth) else { break };
            level.hashes.push(hash);
            if level.hashes.len() < usize::try_from(WIDTH).unwrap_or_default() {
                break;
            }
            let tile = Tile { level: depth, number: level.full, hashes: std::mem::take(&mut level.hashes) };
            level.full += 1;
            hash = tile.root();
            done.push(tile);
        }
        done
    }

    /// The unfinished tiles at the end of the log.
    pub fn finish(self) -> impl Iterator<Item = Tile> {
        let tiles = self.levels.into_iter().enumerate();
        tiles
            .map(|(level, rest)| Tile { level, number: rest.full, hashes: rest.hashes })
            .filter(|tile| !tile.hashes.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_standard() {
        assert_eq!(tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(tile_path(2, 0, 1), "tile/2/000.p/1");
        assert_eq!(bundle_path(273, 112), "tile/entries/273.p/112");
    }

    #[test]
    fn a_log_of_70_000_has_the_tiles_that_the_standard_lists() {
        let mut tiler = Tiler::default();
        let mut full = [0; 4];
        for leaf in 0..70_000_u64 {
            for tile in tiler.push(Digest::sha256(&leaf.to_be_bytes())) {
                full[tile.level] += 1;
            }
        }
        assert_eq!(full, [273, 1, 0, 0]);
        let partial: Vec<_> = tiler.finish().map(|tile| (tile.level, tile.number, tile.hashes.len())).collect();
        assert_eq!(partial, [(0, 273, 112), (1, 1, 17), (2, 0, 1)]);
    }
}
