//! A consistent copy of the database while the daemon runs.

use std::{
    fs::File,
    io::{self, Write},
    path::PathBuf,
};

use briefcase_private_fs::create_folder;

use crate::{Reader, StoreError};

/// A folder for one copy. Dropping the value removes the folder with its content.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next backup removes a folder that stays behind.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Reader {
    /// Writes a copy of the database as it is now, and returns the number of bytes. Private parts stay sealed.
    ///
    /// To restore, put the copy as `briefcase.db` into an empty state folder and open it with
    /// [`crate::ExpectedState::Restored`] and a new incarnation.
    ///
    /// # Errors
    /// [`StoreError`] when the state folder cannot hold the copy, or `to` cannot be written.
    pub fn backup(&self, to: &mut dyn Write) -> Result<u64, StoreError> {
        let scratch = Scratch(self.folder().path().join("backup.new"));
        drop(std::fs::remove_dir_all(&scratch.0));
        create_folder(&scratch.0)?;
        let copy = scratch.0.join("briefcase.db");
        let path = copy.to_str().ok_or(StoreError::damaged("the state folder's name is not text"))?;
        self.outside(|connection| Ok(connection.execute("VACUUM INTO ?", [path])?))?;
        let copied = File::open(&copy).and_then(|mut copy| io::copy(&mut copy, to));
        copied.map_err(StoreError::io("write the backup"))
    }
}
