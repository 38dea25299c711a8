//! Reads the record. Each call sees one consistent state, on a read-only connection, independent of the writer.

mod authority;
mod search;
mod tile;

use std::{
    fmt,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use briefcase_receipts::{
    Receipt,
    checkpoint::{PublicKey, SignedReceiptCheckpoint},
    merkle::{ConsistencyProof, Frontier, InclusionProof, leaf_hash},
};
use briefcase_types::{Digest, ReceiptIndex, SecretBytes, SecretName};
use rusqlite::{Connection, OptionalExtension as _};

pub use self::{
    authority::StoredAuthority,
    search::{ReceiptFilter, ReceiptMatches, kind_word},
};
use crate::{
    Place, Seal, StoreError,
    batch::{Batch, split_openings},
    head::{self, HeadFileContent, Heads},
    nodes::{Nodes, each_body},
    rows, schema,
    state_dir::StateDir,
    writer_state::load::check_row,
};

/// The number of open connections for the next readers.
const KEPT: usize = 4;

/// A receipt with its index and its exact bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReceipt {
    /// The index in the log.
    pub index: ReceiptIndex,
    /// The decoded receipt.
    pub receipt: Receipt,
    /// The encoding, whose bytes are hashed.
    pub body: Vec<u8>,
}

/// A receipt with the proof that it is in the record.
#[derive(Clone, Debug)]
pub struct ProvedReceipt {
    /// The receipt.
    pub stored: StoredReceipt,
    /// The path to the root.
    pub inclusion: InclusionProof,
    /// The signed root.
    pub head: SignedReceiptCheckpoint,
}

enum HeadSource {
    Live(Arc<Heads>),
    File(StateDir),
}

struct Shared {
    folder: StateDir,
    key: PublicKey,
    seal: Option<Arc<dyn Seal>>,
    heads: HeadSource,
    idle: Mutex<Vec<Connection>>,
}

/// Reads the record.
#[derive(Clone)]
pub struct Reader(Arc<Shared>);

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reader").field(&self.0.folder.path()).finish()
    }
}

impl Reader {
    pub(crate) fn live(folder: &StateDir, key: PublicKey, seal: Arc<dyn Seal>, heads: Arc<Heads>) -> Self {
        Self::new(folder.clone(), key, Some(seal), HeadSource::Live(heads))
    }

    /// Opens a state folder for reading, also while a daemon serves it. Without `seal`, sealed parts cannot be read.
    ///
    /// # Errors
    /// [`StoreError`] when the folder has no valid database, or is not private.
    pub fn open(path: &Path, key: PublicKey, seal: Option<Arc<dyn Seal>>) -> Result<Self, StoreError> {
        let folder = StateDir::for_reading(path)?;
        if !folder.database().exists() {
            return Err(StoreError::Missing(path.to_owned()));
        }
        let reader = Self::new(folder.clone(), key, seal, HeadSource::File(folder));
        reader.with(schema::check)?;
        Ok(reader)
    }

    fn new(folder: StateDir, key: PublicKey, seal: Option<Arc<dyn Seal>>, heads: HeadSource) -> Self {
        Self(Arc::new(Shared { folder, key, seal, heads, idle: Mutex::default() }))
    }

    /// Runs a reading function on a thread that may block.
    ///
    /// # Errors
    /// The function's error, or [`StoreError::Journal`] when the runtime stops.
    pub async fn spawn<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    {
        let reader = self.clone();
        let closed = StoreError::Journal(briefcase_ports::JournalError::Closed);
        tokio::task::spawn_blocking(move || read(&reader)).await.unwrap_or(Err(closed))
    }

    /// Lends a connection in a read transaction.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let kept = self.idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => schema::reader(&self.0.folder.database())?,
        };
        connection.prepare_cached("BEGIN")?.execute([])?;
        let result = read(&connection);
        connection.prepare_cached("COMMIT")?.execute([])?;
        let mut idle = self.idle();
        if idle.len() < KEPT {
            idle.push(connection);
        }
        result
    }

    /// Lends a connection outside a transaction, to copy the database.
    pub(crate) fn outside<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let connection = schema::reader(&self.0.folder.database())?;
        // `VACUUM INTO` writes another file; this one stays read-only.
        connection.pragma_update(None, "query_only", "OFF")?;
        read(&connection)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn folder(&self) -> &StateDir {
        &self.0.folder
    }

    fn seal(&self) -> Result<&dyn Seal, StoreError> {
        self.0.seal.as_deref().ok_or(StoreError::Seal(crate::SealError::Locked))
    }

    /// Returns the number of durable receipts.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn size(&self) -> Result<u64, StoreError> {
        self.with(size)
    }

    /// Returns the newest signed head.
    ///
    /// # Errors
    /// [`StoreError::HeadMissing`] without a valid head.
    pub fn head(&self) -> Result<SignedReceiptCheckpoint, StoreError> {
        self.head_with(0)
    }

    fn head_with(&self, size: u64) -> Result<SignedReceiptCheckpoint, StoreError> {
        let head = match &self.0.heads {
            HeadSource::Live(heads) => heads.at_least(size),
            HeadSource::File(folder) => match head::read(folder, &self.0.key)? {
                HeadFileContent::Heads(head, _) if head.checkpoint().size >= size => Some(head),
                _ => None,
            },
        };
        head.ok_or(StoreError::HeadMissing { found: "has no head that covers this receipt" })
    }

    /// Returns one receipt.
    ///
    /// # Errors
    /// [`StoreError::Absent`] for an index beyond the record.
    pub fn receipt(&self, index: ReceiptIndex) -> Result<StoredReceipt, StoreError> {
        let found = self.range(index.0..index.0.saturating_add(1))?.pop();
        found.ok_or_else(|| StoreError::Absent(format!("receipt {index}")))
    }

    /// Returns the receipts of a range, up to the newest one.
    ///
    /// # Errors
    /// [`StoreError`] when a receipt cannot be read.
    pub fn range(&self, range: Range<u64>) -> Result<Vec<StoredReceipt>, StoreError> {
        self.with(|connection| {
            // An index after the newest receipt is not missing: it does not exist yet.
            let size = size(connection)?;
            stored(connection, range.start.min(size)..range.end.min(size))
        })
    }

    /// Returns the newest receipts in the order of the log.
    ///
    /// # Errors
    /// [`StoreError`] when a receipt cannot be read.
    pub fn tail(&self, count: u64) -> Result<Vec<StoredReceipt>, StoreError> {
        self.with(|connection| {
            let size = size(connection)?;
            stored(connection, size.saturating_sub(count)..size)
        })
    }

    /// Visits the encoded receipts from an index on, in order, in one consistent state.
    ///
    /// # Errors
    /// The visitor's error, or [`StoreError`] when a receipt cannot be read.
    pub fn each(
        &self,
        from: ReceiptIndex,
        visit: impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.with(|connection| each_body(connection, from.0..u64::MAX, visit))
    }

    /// Visits the receipts from an index to the end, then verifies them against the signed root. The visitor's
    /// conclusions are valid only when this returns `Ok`.
    ///
    /// # Errors
    /// The visitor's error, or [`StoreError::Forked`] when a receipt was edited.
    pub fn replay(
        &self,
        from: ReceiptIndex,
        mut visit: impl FnMut(ReceiptIndex, Receipt) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.with(|connection| {
            let Some(row) = rows::newest(connection)? else { return Ok(()) };
            let mut frontier = Frontier::load(from.0.min(row.end()), &Nodes::new(connection))?;
            each_body(connection, frontier.size()..row.end(), |index, body| {
                frontier.append(leaf_hash(body));
                visit(ReceiptIndex(index), Receipt::decode(body)?)
            })?;
            check_row(connection, &row, &frontier, &self.0.key)
        })
    }

    /// Returns a receipt with its proof against the newest head.
    ///
    /// # Errors
    /// [`StoreError::Absent`] for an index beyond the record.
    pub fn prove(&self, index: ReceiptIndex) -> Result<ProvedReceipt, StoreError> {
        let stored = self.receipt(index)?;
        let head = self.head_with(index.0.saturating_add(1))?;
        let size = head.checkpoint().size;
        let inclusion = self.with(|connection| Ok(InclusionProof::prove(index.0, size, &Nodes::new(connection))?))?;
        let holds = inclusion.verify(&leaf_hash(&stored.body), &head.checkpoint().root);
        holds.map_err(|_| StoreError::damaged_at(index.0, "a receipt is not the one that was signed"))?;
        Ok(ProvedReceipt { stored, inclusion, head })
    }

    /// Proves that the record only grew between two sizes.
    ///
    /// # Errors
    /// [`StoreError::Log`] when a size is beyond the record.
    pub fn consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, StoreError> {
        self.with(|connection| Ok(ConsistencyProof::prove(old, new, &Nodes::new(connection))?))
    }

    /// Returns the opening of a receipt's commitment: the bytes that the engine stored with the receipt.
    ///
    /// # Errors
    /// [`StoreError::Absent`] for a receipt without an opening, [`StoreError::Seal`] without the vault.
    pub fn opening(&self, index: ReceiptIndex) -> Result<SecretBytes, StoreError> {
        let absent = || StoreError::Absent(format!("opening of receipt {index}"));
        let row = self.with(|connection| rows::batch_at(connection, index.0))?;
        let row = row.filter(|row| index.0 < row.end() && !row.openings.is_empty()).ok_or_else(absent)?;
        let plain = self.seal()?.open(Place::Openings { first: ReceiptIndex(row.first) }, &row.openings)?;
        plain.expose(|plain| {
            let openings = split_openings(plain).ok_or(StoreError::damaged_at(row.first, "openings cannot be read"))?;
            let found = openings.iter().find(|(place, _)| row.first.checked_add(*place) == Some(index.0));
            found.map(|(_, opening)| SecretBytes::new(opening.to_vec())).ok_or_else(absent)
        })
    }

    /// Returns the tool definition of a pin.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn definition(&self, pin: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT raw FROM definition WHERE pin = ?")?;
            Ok(statement.query_row([pin.as_bytes()], |row| row.get(0)).optional()?)
        })
    }

    /// Returns the sealed secret of a name.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn secret(&self, name: &SecretName) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT sealed FROM secret WHERE name = ?")?;
            Ok(statement.query_row([name.as_str()], |row| row.get(0)).optional()?)
        })
    }

    /// Returns the names of all secrets.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read, or a name is invalid.
    pub fn secret_names(&self) -> Result<Vec<SecretName>, StoreError> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT name FROM secret ORDER BY name")?;
            let names = statement.query_map([], |row| row.get::<_, String>(0))?;
            let parse = |name: String| name.parse().map_err(|_| StoreError::StateTampered { what: "a secret's name" });
            names.map(|name| parse(name?)).collect()
        })
    }

    /// Returns the newest ledger snapshot, and the first receipt that is not in it.
    ///
    /// # Errors
    /// [`StoreError::Seal`] when it does not open, [`StoreError::StateTampered`] when it is not the
    /// newest one.
    pub fn ledger(&self) -> Result<Option<(SecretBytes, ReceiptIndex)>, StoreError> {
        let (found, newest) = self.with(|connection| Ok((rows::ledger(connection)?, rows::newest(connection)?)))?;
        if found.as_ref().map(|(upto, _)| upto.0) != newest.and_then(|row| row.ledger) {
            return Err(StoreError::StateTampered { what: "the ledger is not the newest one recorded" });
        }
        let Some((upto, sealed)) = found else { return Ok(None) };
        Ok(Some((self.seal()?.open(Place::Ledger { upto }, &sealed)?, upto)))
    }
}

pub(crate) fn size(connection: &Connection) -> Result<u64, StoreError> {
    Ok(rows::newest(connection)?.as_ref().map_or(0, Batch::end))
}

fn stored(connection: &Connection, range: Range<u64>) -> Result<Vec<StoredReceipt>, StoreError> {
    let mut found = Vec::new();
    each_body(connection, range, |index, body| {
        found.push(decode(index, body)?);
        Ok(())
    })?;
    Ok(found)
}

fn decode(index: u64, body: &[u8]) -> Result<StoredReceipt, StoreError> {
    Ok(StoredReceipt { index: ReceiptIndex(index), receipt: Receipt::decode(body)?, body: body.to_vec() })
}
