//! The database file: its form, and its connections.
//!
//! Invariant: the writing connection waits for the disk on every commit.
//!
//! Invariant: the schema is exactly the one written here, so no connection runs a trigger, view or function of the
//! file.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use crate::{Durability, StoreError};

/// The form that this program writes, in `user_version`. A row of the second form signs the rows beside the log too.
const FORM: i64 = 2;
/// The `application_id`: `BCDB`.
const APPLICATION: i64 = 0x4243_4442;
/// The page size with the fewest bytes per receipt, measured with `cargo run -p briefcase-store --release --example
/// appends`.
const PAGE: i64 = 1024;

const TABLES: [&str; 7] = [
    "CREATE TABLE life (first INTEGER PRIMARY KEY, origin TEXT NOT NULL) STRICT",
    "CREATE TABLE batch (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, newest INTEGER NOT NULL, change INTEGER, ledger INTEGER, open BLOB NOT NULL, bodies BLOB NOT NULL, openings BLOB NOT NULL, signature BLOB NOT NULL) STRICT",
    "CREATE TABLE subtree (id INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT",
    "CREATE TABLE authority (version INTEGER PRIMARY KEY, receipt INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT",
    "CREATE TABLE ledger (only INTEGER PRIMARY KEY, upto INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT",
    "CREATE TABLE definition (pin BLOB PRIMARY KEY, raw BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE secret (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID",
];

/// Opens the database for writing. Creates the tables of an empty file.
pub(crate) fn writer(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    guard(&connection)?;
    connection.pragma_update(None, "page_size", PAGE)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::damaged("the database cannot keep a write-ahead log here"));
    }
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Careless => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "cache_size", -1024)?;
    connection.set_prepared_statement_cache_capacity(32);
    if number(&connection, "user_version")? == 0 && is_empty(&connection)? {
        create(&connection)?;
    }
    check(&connection)?;
    Ok(connection)
}

/// Opens the database for reading.
pub(crate) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    guard(&connection)?;
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    connection.pragma_update(None, "query_only", "ON")?;
    connection.pragma_update(None, "cache_size", -512)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Rejects a database of another form or with another schema.
pub(crate) fn check(connection: &Connection) -> Result<(), StoreError> {
    let found = number(connection, "user_version")?;
    if number(connection, "application_id")? != APPLICATION {
        return Err(StoreError::damaged("the file is not a briefcase database"));
    }
    if found > FORM {
        return Err(StoreError::Newer { found, known: FORM });
    }
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema ORDER BY sql")?;
    let found = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<Option<String>>, _>>()?;
    let mut known = TABLES.map(|table| Some(table.to_owned()));
    known.sort();
    if found == known { Ok(()) } else { Err(StoreError::StateTampered { what: "the database's schema was changed" }) }
}

/// Marks the database as one of the present form, before the first row of that form is written.
pub(crate) fn renew(connection: &Connection) -> Result<(), StoreError> {
    if number(connection, "user_version")? < FORM {
        connection.pragma_update(None, "user_version", FORM)?;
    }
    Ok(())
}

fn guard(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "cell_size_check", "ON")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    Ok(())
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, pragma, |row| row.get(0))?)
}

fn is_empty(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?)
}

fn create(connection: &Connection) -> Result<(), StoreError> {
    let tables = TABLES.join("; ");
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {tables}; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORM}; COMMIT"
    ))?;
    Ok(())
}
