//! A log can be read, proved and continued from its static files alone.

use std::{cell::RefCell, collections::BTreeMap, io};

use briefcase_tlog::{
    FileSource,
    merkle::{ConsistencyProof, Frontier, InclusionProof, leaf_hash, root},
    tiles::{TileReader, Tiler},
};
use briefcase_types::Digest;

#[derive(Default)]
struct Files {
    files: BTreeMap<String, Vec<u8>>,
    read: RefCell<Vec<String>>,
}

impl FileSource for Files {
    fn read(&self, path: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        self.read.borrow_mut().push(path.to_owned());
        Ok(self.files.get(path).filter(|bytes| bytes.len() <= limit).cloned())
    }
}

fn leaf(number: u64) -> Digest {
    leaf_hash(&number.to_be_bytes())
}

/// Appends in steps. Each step knows only the files, as a separate process would.
fn grow(files: &mut Files, from: u64, to: u64) {
    let mut tiler = Tiler::resume(files, from).unwrap();
    for number in from..to {
        for tile in tiler.push(leaf(number)) {
            files.files.insert(tile.path(), tile.bytes());
        }
    }
    for tile in tiler.finish() {
        files.files.insert(tile.path(), tile.bytes());
    }
}

#[test]
fn a_log_continued_from_its_files_equals_one_made_at_once() {
    let (mut files, mut frontier, mut roots) = (Files::default(), Frontier::new(), vec![Frontier::new().root()]);
    let sizes = [0, 1, 2, 255, 256, 257, 511, 512, 70_000, 70_001];
    for pair in sizes.windows(2) {
        grow(&mut files, pair[0], pair[1]);
    }
    for number in 0..70_001 {
        frontier.append(leaf(number));
        roots.push(frontier.root());
    }
    for size in sizes {
        assert_eq!(root(size, &TileReader::new(&files, size)).unwrap(), roots[size as usize], "{size}");
    }
    let reader = TileReader::new(&files, 70_001);
    for index in [0, 1, 255, 256, 65_535, 65_536, 69_999, 70_000] {
        let proof = InclusionProof::prove(index, 70_001, &reader).unwrap();
        assert!(proof.verify(&leaf(index), &roots[70_001]).is_ok(), "{index}");
    }
    for old in [1, 255, 256, 300, 65_536, 70_000] {
        let proof = ConsistencyProof::prove(old, 70_001, &reader).unwrap();
        assert!(proof.verify(&roots[old as usize], &roots[70_001]).is_ok(), "{old}");
    }
    // A proof reads one tile per level and side, not the whole log.
    files.read.borrow_mut().clear();
    InclusionProof::prove(12_345, 70_001, &TileReader::new(&files, 70_001)).unwrap();
    let mut read = files.read.borrow().clone();
    read.sort();
    read.dedup();
    assert!(read.len() <= 6, "{read:?}");
}

#[test]
fn missing_or_truncated_tiles_are_errors() {
    let mut files = Files::default();
    grow(&mut files, 0, 300);
    let torn = files.files.get_mut("tile/0/001.p/44").unwrap();
    torn.pop();
    assert!(Tiler::resume(&files, 300).is_err());
    assert!(root(300, &TileReader::new(&files, 300)).is_err());
    files.files.remove("tile/0/000");
    assert!(InclusionProof::prove(0, 256, &TileReader::new(&files, 256)).is_err());
}
