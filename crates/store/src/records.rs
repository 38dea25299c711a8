//! The records of the authority document: tool definitions and sealed secrets.
//!
//! Invariant: the sealed authority document contains a digest over all of these rows. Opening the document detects an
//! edited, deleted, added or older row.

use std::collections::BTreeMap;

use briefcase_ports::Record;
use briefcase_types::Digest;
use rusqlite::{Connection, params};

use crate::StoreError;

/// The digests of all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Records {
    definitions: BTreeMap<[u8; 32], Digest>,
    secrets: BTreeMap<String, Digest>,
}

impl Records {
    /// Reads all rows.
    pub(crate) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let mut records = Self::default();
        let mut statement = connection.prepare("SELECT pin, raw FROM definition")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let pin = row.get::<_, Vec<u8>>(0)?.try_into();
            let pin = pin.map_err(|_| StoreError::StateTampered { what: "a pin is not a digest" })?;
            records.definitions.insert(pin, Digest::sha256(&row.get::<_, Vec<u8>>(1)?));
        }
        let mut statement = connection.prepare("SELECT name, sealed FROM secret")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            records.secrets.insert(row.get(0)?, Digest::sha256(&row.get::<_, Vec<u8>>(1)?));
        }
        Ok(records)
    }

    /// Stores the records of a change.
    pub(crate) fn apply(&mut self, connection: &Connection, records: &[Record]) -> Result<(), StoreError> {
        for record in records {
            match record {
                Record::Definition { pin, raw } => {
                    let sql = "INSERT OR REPLACE INTO definition (pin, raw) VALUES (?, ?)";
                    connection.prepare_cached(sql)?.execute(params![pin.as_bytes(), raw.as_ref()])?;
                    self.definitions.insert(*pin.as_bytes(), Digest::sha256(raw));
                }
                Record::Secret { name, sealed: Some(sealed) } => {
                    let sql = "INSERT OR REPLACE INTO secret (name, sealed) VALUES (?, ?)";
                    connection.prepare_cached(sql)?.execute(params![name.as_str(), sealed.as_ref()])?;
                    self.secrets.insert(name.as_str().to_owned(), Digest::sha256(sealed));
                }
                Record::Secret { name, sealed: None } => {
                    connection.prepare_cached("DELETE FROM secret WHERE name = ?")?.execute([name.as_str()])?;
                    self.secrets.remove(name.as_str());
                }
            }
        }
        Ok(())
    }

    /// Returns one digest over all rows.
    pub(crate) fn digest(&self) -> Digest {
        let definitions = self.definitions.iter().map(|(pin, raw)| [&pin[..], &raw.as_bytes()[..]].concat());
        let secrets = self.secrets.iter().map(|(name, raw)| [name.as_bytes(), &raw.as_bytes()[..]].concat());
        let definitions = definitions.collect::<Vec<_>>();
        let secrets = secrets.collect::<Vec<_>>();
        let count = u64::try_from(definitions.len()).unwrap_or(u64::MAX).to_be_bytes();
        let parts = std::iter::once(&count[..]).chain(definitions.iter().chain(&secrets).map(Vec::as_slice));
        Digest::labelled("briefcase/store/records/1", &parts.collect::<Vec<_>>())
    }
}
