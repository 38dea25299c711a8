//! Restores an archive into a new folder, which appears only after everything was verified.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{Archive, Manifest, Moment};
use crate::VaultError;
use briefcase_private_fs::{create_folder, create_new, parent_of, sync_folder};

/// The name of the file that marks a restored folder. It holds the backup's [`Moment`] as JSON.
///
/// A daemon that starts on such a folder begins a new incarnation, then removes the file.
pub const RESTORE_MARKER: &str = "restored.json";

/// A restored folder. Its state is older than later events: begin a new incarnation.
#[must_use = "begin a new incarnation: grants, approvals and handles of the restored state are void"]
#[derive(Debug)]
pub struct Restored {
    /// The folder.
    pub folder: PathBuf,
    /// The restored content.
    pub manifest: Manifest,
}

impl Archive<'_> {
    /// Writes the files into `folder`, which must not exist. Folder mode 0700, files 0600.
    ///
    /// # Errors
    /// The folder exists, the archive is incomplete (then nothing is left behind), or writing fails.
    pub fn restore(mut self, folder: &Path) -> Result<Restored, VaultError> {
        if folder.symlink_metadata().is_ok() {
            return Err(VaultError::AlreadyExists);
        }
        let name = folder.file_name().and_then(|name| name.to_str()).ok_or(VaultError::Malformed("folder name"))?;
        let unfinished = folder.with_file_name(format!(".{name}.restoring"));
        create_folder(&unfinished)?;
        match self.fill_folder(&unfinished).and_then(|()| appear(&unfinished, folder)) {
            Ok(()) => Ok(Restored { folder: folder.to_path_buf(), manifest: self.manifest }),
            Err(error) => {
                fs::remove_dir_all(&unfinished).map_err(VaultError::io("remove an unfinished restore"))?;
                Err(error)
            }
        }
    }

    fn fill_folder(&mut self, folder: &Path) -> Result<(), VaultError> {
        for entry in &self.manifest.files {
            let mut file = create_new(&folder.join(&entry.name))?;
            self.stream.copy(entry.bytes, &mut file)?;
            file.sync_all().map_err(VaultError::io("make a restored file durable"))?;
        }
        self.stream.finish()?;
        mark(folder, &self.manifest.moment)?;
        Ok(sync_folder(folder)?)
    }
}

fn mark(folder: &Path, moment: &Moment) -> Result<(), VaultError> {
    let text = serde_json::to_vec(moment).map_err(|_| VaultError::Malformed("manifest"))?;
    let mut file = create_new(&folder.join(RESTORE_MARKER))?;
    let written = file.write_all(&text).and_then(|()| file.sync_all());
    written.map_err(VaultError::io("mark the restored folder"))
}

fn appear(unfinished: &Path, folder: &Path) -> Result<(), VaultError> {
    fs::rename(unfinished, folder).map_err(VaultError::io("put the restored folder in place"))?;
    Ok(sync_folder(&parent_of(folder))?)
}
