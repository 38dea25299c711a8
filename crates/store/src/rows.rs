//! The rows of the database as values. Reading checks every number and blob, because the file may have been edited.

use briefcase_types::{Digest, ReceiptIndex, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{
    StoreError,
    batch::{Batch, open_column, open_from_column},
    records::Records,
};

const COLUMNS: &str = "first, count, newest, change, ledger, open, bodies, openings, signature";

/// A sealed authority document.
pub(crate) struct AuthorityRow {
    pub version: u64,
    pub receipt: u64,
    pub sealed: Vec<u8>,
}

pub(crate) fn int(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::damaged("a number is too large for the database"))
}

pub(crate) fn uint(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::damaged("a number in the database is negative"))
}

fn batch(row: &Row<'_>) -> Result<Batch, StoreError> {
    let first = uint(row.get(0)?)?;
    let (companions, signature) = Batch::split_signature(row.get_ref(8)?.as_blob().map_err(rusqlite::Error::from)?);
    let batch = Batch {
        first,
        count: uint(row.get(1)?)?,
        newest: UnixMillis(uint(row.get(2)?)?),
        change: row.get::<_, Option<i64>>(3)?.map(uint).transpose()?,
        ledger: row.get::<_, Option<i64>>(4)?.map(uint).transpose()?,
        open: open_from_column(row.get_ref(5)?.as_blob().map_err(rusqlite::Error::from)?)
            .ok_or(StoreError::damaged_at(first, "a list of open calls cannot be read"))?,
        bodies: row.get(6)?,
        openings: row.get(7)?,
        companions,
        signature,
    };
    if batch.count == 0 { Err(StoreError::damaged_at(first, "a row without receipts")) } else { Ok(batch) }
}

fn one_batch(connection: &Connection, sql: &str, at: i64) -> Result<Option<Batch>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([at])?;
    rows.next()?.map(batch).transpose()
}

/// Returns the newest row.
pub(crate) fn newest(connection: &Connection) -> Result<Option<Batch>, StoreError> {
    batch_at(connection, u64::try_from(i64::MAX).unwrap_or_default())
}

/// Returns the row that begins at or before an index.
pub(crate) fn batch_at(connection: &Connection, index: u64) -> Result<Option<Batch>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM batch WHERE first <= ? ORDER BY first DESC LIMIT 1");
    one_batch(connection, &sql, int(index)?)
}

/// Returns the first row that begins at or after an index.
pub(crate) fn batch_from(connection: &Connection, index: u64) -> Result<Option<Batch>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM batch WHERE first >= ? ORDER BY first LIMIT 1");
    one_batch(connection, &sql, int(index)?)
}

/// Visits the rows in order until the visitor stops or fails.
pub(crate) fn each_batch(
    connection: &Connection,
    mut visit: impl FnMut(Result<Batch, StoreError>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM batch ORDER BY first"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        visit(batch(row))?;
    }
    Ok(())
}

pub(crate) fn insert_batch(connection: &Connection, batch: &Batch) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO batch ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    connection.prepare_cached(&sql)?.execute(params![
        int(batch.first)?,
        int(batch.count)?,
        int(batch.newest.0)?,
        batch.change.map(int).transpose()?,
        batch.ledger.map(int).transpose()?,
        open_column(&batch.open),
        batch.bodies,
        batch.openings,
        batch.signature_column(),
    ])?;
    Ok(())
}

/// Returns the key of a subtree's row. 256 receipts are tier 1, 65,536 are tier 2, and so on.
fn subtree_id(tier: u8, n: u64) -> Result<i64, StoreError> {
    int(u64::from(tier).checked_shl(48).unwrap_or_default() | n)
}

pub(crate) fn subtree(connection: &Connection, tier: u8, n: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT hash FROM subtree WHERE id = ?")?;
    Ok(statement.query_row([subtree_id(tier, n)?], |row| row.get(0)).optional()?)
}

pub(crate) fn insert_subtree(connection: &Connection, tier: u8, n: u64, hash: &[u8]) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("INSERT INTO subtree (id, hash) VALUES (?, ?)")?;
    statement.execute(params![subtree_id(tier, n)?, hash])?;
    Ok(())
}

/// Returns the record's incarnations: the first receipt and the origin of each.
pub(crate) fn incarnations(connection: &Connection) -> Result<Vec<(u64, String)>, StoreError> {
    let mut statement = connection.prepare("SELECT first, origin FROM life ORDER BY first")?;
    let mut rows = statement.query([])?;
    let mut incarnations = Vec::new();
    while let Some(row) = rows.next()? {
        incarnations.push((uint(row.get(0)?)?, row.get(1)?));
    }
    Ok(incarnations)
}

pub(crate) fn begin_incarnation(connection: &Connection, first: u64, origin: &str) -> Result<(), StoreError> {
    connection.execute("INSERT OR REPLACE INTO life (first, origin) VALUES (?, ?)", params![int(first)?, origin])?;
    Ok(())
}

/// Returns the stored authority documents, oldest first.
pub(crate) fn authorities(connection: &Connection) -> Result<Vec<AuthorityRow>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT version, receipt, sealed FROM authority ORDER BY version")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(AuthorityRow { version: uint(row.get(0)?)?, receipt: uint(row.get(1)?)?, sealed: row.get(2)? });
    }
    Ok(found)
}

/// Stores a document and deletes all but the one before it.
pub(crate) fn insert_authority(connection: &Connection, row: &AuthorityRow) -> Result<(), StoreError> {
    let mut insert =
        connection.prepare_cached("INSERT OR REPLACE INTO authority (version, receipt, sealed) VALUES (?, ?, ?)")?;
    insert.execute(params![int(row.version)?, int(row.receipt)?, row.sealed])?;
    let sql =
        "DELETE FROM authority WHERE version NOT IN (SELECT version FROM authority ORDER BY version DESC LIMIT 2)";
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Returns one digest over the rows beside the log: authority documents, definitions, secrets and ledger.
pub(crate) fn companions(connection: &Connection, records: &Records) -> Result<Digest, StoreError> {
    let mut parts: Vec<Vec<u8>> = vec![records.digest().as_bytes().to_vec()];
    if let Some((upto, sealed)) = ledger(connection)? {
        parts.push([&upto.0.to_be_bytes()[..], &sealed].concat());
    } else {
        parts.push(Vec::new());
    }
    for AuthorityRow { version, receipt, sealed } in authorities(connection)? {
        parts.push([&version.to_be_bytes()[..], &receipt.to_be_bytes(), &sealed].concat());
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Ok(Digest::labelled("briefcase/store/companions/1", &parts))
}

pub(crate) fn ledger(connection: &Connection) -> Result<Option<(ReceiptIndex, Vec<u8>)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT upto, sealed FROM ledger WHERE only = 0")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((ReceiptIndex(uint(row.get(0)?)?), row.get(1)?)))
}

pub(crate) fn put_ledger(connection: &Connection, upto: u64, sealed: &[u8]) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("INSERT OR REPLACE INTO ledger (only, upto, sealed) VALUES (0, ?, ?)")?;
    statement.execute(params![int(upto)?, sealed])?;
    Ok(())
}
