//! Exports the record as a folder that anyone can verify (C2SP tlog-tiles).

use std::{io, path::Path};

use briefcase_receipts::{
    LogFolder,
    checkpoint::SignedReceiptCheckpoint,
    export::{Entries, export},
    proof::ReceiptProof,
};
use briefcase_types::ReceiptIndex;
use rusqlite::Connection;

use crate::{
    Reader, StoreError,
    nodes::{Nodes, each_body},
};

struct Rows<'c>(&'c Connection);

impl Entries for Rows<'_> {
    fn read(&self, from: u64, count: u64) -> io::Result<Vec<Vec<u8>>> {
        let mut bodies = Vec::new();
        let read = each_body(self.0, from..from.saturating_add(count), |_, body| {
            bodies.push(body.to_vec());
            Ok(())
        });
        read.map(|()| bodies).map_err(io::Error::other)
    }
}

impl Reader {
    /// Writes the record up to the newest head into an empty folder, for `receipts verify` or any C2SP tool.
    ///
    /// # Errors
    /// [`StoreError::Export`] when the folder is not empty or cannot be written, or a receipt differs from the signed
    /// one.
    pub fn export(&self, destination: &Path) -> Result<SignedReceiptCheckpoint, StoreError> {
        let made = std::fs::create_dir_all(destination).and_then(|()| Ok(destination.read_dir()?.next().is_none()));
        if !made.map_err(StoreError::io("create the folder for the export"))? {
            return Err(StoreError::Export(format!("{} is not empty; choose a new folder", destination.display())));
        }
        let head = self.head()?;
        let mut sink = LogFolder::new(destination);
        self.with(|connection| {
            export(&Rows(connection), &head, &mut sink).map_err(|error| StoreError::Export(error.to_string()))
        })?;
        Ok(head)
    }

    /// Returns a proof file (C2SP tlog-proof) for one receipt.
    ///
    /// # Errors
    /// As [`Reader::prove`].
    pub fn proof_text(&self, index: ReceiptIndex) -> Result<String, StoreError> {
        let head = self.prove(index)?.head;
        self.with(|connection| Ok(ReceiptProof::prove(index, &head, &Nodes::new(connection))?.text()))
    }
}
