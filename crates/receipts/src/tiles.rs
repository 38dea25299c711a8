//! The layout of an exported record: C2SP tlog-tiles.
//!
//! Invariant: a path and its content follow from the receipts alone. Verification derives every tile again and compares;
//! export writes what the same code derives.

use briefcase_types::Digest;

use crate::log::node_hash;

/// Hashes in a full tile, entries in a full bundle.
pub(crate) const WIDTH: u64 = 256;

/// Path of the signed head.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// Path of a tile of hashes that is `width` wide.
pub(crate) fn tile_path(level: usize, number: u64, width: u64) -> String {
    format!("tile/{level}/{}{}", number_path(number), partial(width))
}

/// Path of a bundle of `width` receipts.
pub(crate) fn bundle_path(number: u64, width: u64) -> String {
    format!("tile/entries/{}{}", number_path(number), partial(width))
}

fn partial(width: u64) -> String {
    if width == WIDTH { String::new() } else { format!(".p/{width}") }
}

/// Three digits per path element; all but the last begin with `x`.
fn number_path(number: u64) -> String {
    let (mut path, mut rest) = (format!("{:03}", number % 1000), number / 1000);
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

/// The receipts of a bundle. `None` where the bytes end early.
pub(crate) struct Bundle<'a>(pub(crate) &'a [u8]);

impl<'a> Bundle<'a> {
    /// The next receipt's bytes.
    pub(crate) fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.0 = rest;
        Some(entry)
    }
}

/// Appends a receipt to a bundle. `None` when it is too long for one.
pub(crate) fn append_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Some(())
}

/// A tile that is complete as far as the log goes.
pub(crate) struct Tile {
    pub(crate) level: usize,
    pub(crate) number: u64,
    pub(crate) hashes: Vec<Digest>,
}

impl Tile {
    pub(crate) fn path(&self) -> String {
        tile_path(self.level, self.number, u64::try_from(self.hashes.len()).unwrap_or_default())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }

    /// The root over a full tile.
    fn root(&self) -> Digest {
        let mut row = self.hashes.clone();
        while row.len() > 1 {
            row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
        }
        row.first().copied().unwrap_or_else(|| Digest::sha256(b""))
    }
}

/// Turns leaves into tiles, holding one unfinished tile per level.
#[derive(Default)]
pub(crate) struct Tiler {
    levels: Vec<Level>,
}

#[derive(Default)]
struct Level {
    full: u64,
    hashes: Vec<Digest>,
}

impl Tiler {
    /// Takes the next leaf. Gives the tiles that it completed, lowest first.
    pub(crate) fn push(&mut self, leaf: Digest) -> Vec<Tile> {
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
    pub(crate) fn finish(self) -> impl Iterator<Item = Tile> {
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
