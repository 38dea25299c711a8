//! The Merkle tree over a log's entries (RFC 6962), with hashes stored by index as C2SP tile logs do.
//!
//! Invariant: a root depends on every byte of every entry before it and on their order. `tlog_tiles` does the hashing.
//! The tree's right edge is kept here, so appending reads nothing from the store.

use std::cell::RefCell;

use briefcase_types::Digest;
use tlog_tiles::tlog;

/// The maximum number of entries. Larger sizes in proofs and notes are rejected.
const SIZE_MAX: u64 = 1 << 48;

/// The maximum length of a proof for a tree of [`SIZE_MAX`] entries.
const PATH_MAX: usize = 64;

/// The tree could not be read, or the proof is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The store could not return the hashes.
    #[error("the stored hashes cannot be read: {0}")]
    Storage(String),
    /// The index or size is outside the tree.
    #[error("the index or size is outside the log")]
    OutOfLog,
    /// The proof does not lead to the root.
    #[error("the proof does not lead to the signed root")]
    Invalid,
}

/// A source of stored hashes.
pub trait HashReader {
    /// Returns the hashes at these storage indexes, in the same order.
    ///
    /// # Errors
    /// [`LogError::Storage`] when a hash is missing or cannot be read.
    fn read(&self, indexes: &[u64]) -> Result<Vec<Digest>, LogError>;
}

/// Hashes in memory, at their storage index.
impl HashReader for [Digest] {
    fn read(&self, indexes: &[u64]) -> Result<Vec<Digest>, LogError> {
        let at = |index: &u64| usize::try_from(*index).ok().and_then(|index| self.get(index).copied());
        let missing = || LogError::Storage("a hash is missing".into());
        indexes.iter().map(at).collect::<Option<Vec<_>>>().ok_or_else(missing)
    }
}

/// The hash of an entry as a leaf.
#[must_use]
pub fn leaf_hash(encoded: &[u8]) -> Digest {
    from_tlog(tlog::record_hash(encoded))
}

/// The hash of the parent of two nodes.
pub(crate) fn node_hash(left: &Digest, right: &Digest) -> Digest {
    from_tlog(tlog::node_hash(to_tlog(left), to_tlog(right)))
}

/// The storage index of node `n` at `level`.
#[must_use]
pub fn stored_index(level: u8, n: u64) -> u64 {
    tlog::stored_hash_index(level, n)
}

/// The level and index of the hash at a storage index: the inverse of [`stored_index`].
pub(crate) fn stored_position(index: u64) -> (u8, u64) {
    tlog::split_stored_hash_index(index)
}

/// The number of stored hashes for a log of `size` entries. The next hash is stored at this index.
#[must_use]
pub fn stored_count(size: u64) -> u64 {
    tlog::stored_hash_count(size)
}

/// The right edge of the tree: the state that appending needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of the full subtrees, largest first.
    peaks: Vec<Digest>,
}

impl Frontier {
    /// The right edge of an empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The right edge of a log of `size` entries, from its stored hashes.
    ///
    /// # Errors
    /// [`LogError`] when the size is out of range or a hash cannot be read.
    pub fn load<R: HashReader + ?Sized>(size: u64, reader: &R) -> Result<Self, LogError> {
        if size > SIZE_MAX {
            return Err(LogError::OutOfLog);
        }
        let peaks = Adapter::new(reader).hashes(&tlog::sub_tree_index(0, size, Vec::new()))?;
        Ok(Self { size, peaks })
    }

    /// The number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends an entry by its leaf hash. Returns the hashes to store at consecutive indexes, from [`stored_count`] of
    /// the old size on. The first hash is the leaf.
    pub fn append(&mut self, leaf: Digest) -> Vec<Digest> {
        let (mut hash, mut stored, mut rest) = (leaf, vec![leaf], self.size);
        while rest & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = node_hash(&left, &hash);
            stored.push(hash);
            rest >>= 1;
        }
        self.peaks.push(hash);
        self.size += 1;
        stored
    }

    /// The root over all entries so far.
    #[must_use]
    pub fn root(&self) -> Digest {
        let join = |right: Digest, left: &Digest| node_hash(left, &right);
        match self.peaks.split_last() {
            Some((last, larger)) => larger.iter().rev().fold(*last, join),
            None => from_tlog(tlog::EMPTY_HASH),
        }
    }
}

/// The root of the log when it had `size` entries.
///
/// # Errors
/// [`LogError`] when the size is out of range or a hash cannot be read.
pub fn root<R: HashReader + ?Sized>(size: u64, reader: &R) -> Result<Digest, LogError> {
    Ok(Frontier::load(size, reader)?.root())
}

/// A proof that an entry is at an index of a log of some size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The entry's index.
    pub index: u64,
    /// The log's size.
    pub size: u64,
    /// Hashes from the leaf's sibling up.
    pub path: Vec<Digest>,
}

impl InclusionProof {
    /// Makes the proof.
    ///
    /// # Errors
    /// [`LogError`] when the index is outside a log of that size, or a hash cannot be read.
    pub fn prove<R: HashReader + ?Sized>(index: u64, size: u64, reader: &R) -> Result<Self, LogError> {
        if index >= size || size > SIZE_MAX {
            return Err(LogError::OutOfLog);
        }
        let path = Adapter::new(reader).run(|reader| tlog::prove_record(size, index, reader))?;
        Ok(Self { index, size, path: path.into_iter().map(from_tlog).collect() })
    }

    /// Verifies that an entry with this leaf hash is at the index of the log with this root.
    ///
    /// # Errors
    /// [`LogError::Invalid`] when it is not, [`LogError::OutOfLog`] when index and size contradict each other.
    pub fn verify(&self, leaf: &Digest, root: &Digest) -> Result<(), LogError> {
        if self.index >= self.size || self.size > SIZE_MAX {
            return Err(LogError::OutOfLog);
        }
        let path = to_path(&self.path)?;
        tlog::check_record(&path, self.size, to_tlog(root), self.index, to_tlog(leaf)).map_err(|_| LogError::Invalid)
    }
}

/// A proof that a log only grew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The size before.
    pub old: u64,
    /// The size after.
    pub new: u64,
    /// The hashes that link the two roots.
    pub path: Vec<Digest>,
}

impl ConsistencyProof {
    /// Makes the proof. The proof between equal sizes is empty.
    ///
    /// # Errors
    /// [`LogError`] when `old` exceeds `new`, when only `old` is 0, or when a hash cannot be read.
    pub fn prove<R: HashReader + ?Sized>(old: u64, new: u64, reader: &R) -> Result<Self, LogError> {
        if old == new {
            return Ok(Self { old, new, path: Vec::new() });
        }
        if !(1..=new).contains(&old) || new > SIZE_MAX {
            return Err(LogError::OutOfLog);
        }
        let path = Adapter::new(reader).run(|reader| tlog::prove_tree(new, old, reader))?;
        Ok(Self { old, new, path: path.into_iter().map(from_tlog).collect() })
    }

    /// Verifies that the log with `new_root` begins with the log with `old_root`.
    ///
    /// # Errors
    /// [`LogError::Invalid`] when it does not, [`LogError::OutOfLog`] when the sizes contradict each other.
    pub fn verify(&self, old_root: &Digest, new_root: &Digest) -> Result<(), LogError> {
        if self.old == self.new {
            let same = self.path.is_empty() && old_root == new_root;
            return if same { Ok(()) } else { Err(LogError::Invalid) };
        }
        if !(1..=self.new).contains(&self.old) || self.new > SIZE_MAX {
            return Err(LogError::OutOfLog);
        }
        let path = to_path(&self.path)?;
        tlog::check_tree(&path, self.new, to_tlog(new_root), self.old, to_tlog(old_root)).map_err(|_| LogError::Invalid)
    }
}

pub(crate) fn to_tlog(digest: &Digest) -> tlog::Hash {
    tlog::Hash(*digest.as_bytes())
}

pub(crate) const fn from_tlog(hash: tlog::Hash) -> Digest {
    Digest::from_bytes(hash.0)
}

fn to_path(path: &[Digest]) -> Result<Vec<tlog::Hash>, LogError> {
    if path.len() > PATH_MAX { Err(LogError::Invalid) } else { Ok(path.iter().map(to_tlog).collect()) }
}

/// Lets `tlog_tiles` read from a [`HashReader`], and keeps the store's error.
struct Adapter<'a, R: ?Sized> {
    reader: &'a R,
    failure: RefCell<Option<LogError>>,
}

impl<'a, R: HashReader + ?Sized> Adapter<'a, R> {
    fn new(reader: &'a R) -> Self {
        Self { reader, failure: RefCell::new(None) }
    }

    /// Reads hashes and rejects a result of the wrong length, on which `tlog_tiles` would panic.
    fn hashes(&self, indexes: &[u64]) -> Result<Vec<Digest>, LogError> {
        let hashes = self.reader.read(indexes)?;
        if hashes.len() == indexes.len() { Ok(hashes) } else { Err(LogError::Storage("hashes are missing".into())) }
    }

    fn run<T>(&self, work: impl FnOnce(&Self) -> Result<T, tlog::Error>) -> Result<T, LogError> {
        work(self).map_err(|_| self.failure.take().unwrap_or(LogError::Invalid))
    }
}

impl<R: HashReader + ?Sized> tlog::HashReader for Adapter<'_, R> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        match self.hashes(indexes) {
            Ok(hashes) => Ok(hashes.iter().map(to_tlog).collect()),
            Err(failure) => {
                self.failure.replace(Some(failure));
                Err(tlog::Error::IndexesNotInTree)
            }
        }
    }
}
