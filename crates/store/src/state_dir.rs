//! The state folder: owner-only files, and a lock for the process that writes.
//!
//! Invariant: the store never follows a symbolic link and never uses a file that other users can reach. While it may
//! write, it holds the folder's lock.

use std::{
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use briefcase_ports::JournalError;
use briefcase_private_fs::{
    FileAccess, FolderLock, PrivateFolder, check, create_folders, create_or_truncate, sync_folder,
};

use crate::StoreError;

/// The file that is locked with the folder and names the lock's holder.
const LOCK: &str = "lock";

/// The paths in a state folder.
#[derive(Clone, Debug)]
pub(crate) struct StateDir(PathBuf);

impl StateDir {
    /// Opens a folder for writing. Creates it (0700) when missing; rejects it when other users can open it.
    pub(crate) fn for_writing(path: &Path) -> Result<Self, StoreError> {
        if !path.try_exists().map_err(StoreError::io("inspect the state folder"))? {
            create_folders(path, FileAccess::Owner)?;
        }
        Self::for_reading(path)
    }

    /// Opens a folder for reading, which must exist.
    pub(crate) fn for_reading(path: &Path) -> Result<Self, StoreError> {
        PrivateFolder::open(path)?;
        for file in ["briefcase.db", "briefcase.db-wal", "briefcase.db-shm", "head", "overlap", LOCK] {
            check(&path.join(file))?;
        }
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("briefcase.db")
    }

    pub(crate) fn write_ahead_log(&self) -> PathBuf {
        self.0.join("briefcase.db-wal")
    }

    pub(crate) fn head(&self) -> PathBuf {
        self.0.join("head")
    }

    pub(crate) fn overlap(&self) -> PathBuf {
        self.0.join("overlap")
    }

    /// Writes the names in the folder to disk.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        Ok(sync_folder(&self.0)?)
    }

    /// Finds out why a file in the folder cannot grow: SQLite reports one error for all causes. Returns `None` when it can.
    pub(crate) fn write_failure(&self) -> Option<JournalError> {
        let path = self.0.join("probe");
        let end = std::fs::metadata(self.write_ahead_log()).map_or(0, |log| log.len());
        let tried = create_or_truncate(&path).map_err(StoreError::from).and_then(|file| {
            let written = file.write_all_at(&[1; 8192], end).and_then(|()| file.sync_data());
            written.map_err(StoreError::io("write to the state folder"))
        });
        // A file that remains is overwritten by the next probe.
        let _ = std::fs::remove_file(&path);
        tried.err().map(|error| error.for_journal())
    }

    /// Takes the folder's lock, without waiting.
    pub(crate) fn lock(&self) -> Result<FolderLock, StoreError> {
        Ok(FolderLock::acquire(&self.0, LOCK)?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use briefcase_private_fs::open_for_writing;

    use super::*;

    fn private_folder() -> tempfile::TempDir {
        let owner_only = std::fs::Permissions::from_mode(0o700);
        tempfile::Builder::new().permissions(owner_only).tempdir().unwrap()
    }

    fn rejected(path: &Path) -> bool {
        matches!(StateDir::for_reading(path), Err(StoreError::NotPrivate(_)))
    }

    #[test]
    fn a_folder_that_others_can_reach_is_rejected() {
        let folder = private_folder();
        assert!(!rejected(folder.path()));
        let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        for mode in [0o750, 0o701, 0o720] {
            set(folder.path(), mode);
            assert!(rejected(folder.path()), "{mode:o}");
        }
        set(folder.path(), 0o700);
        let head = folder.path().join("head");
        std::fs::write(&head, "x").unwrap();
        set(&head, 0o644);
        assert!(rejected(folder.path()));
        set(&head, 0o600);
        assert!(!rejected(folder.path()));
        std::fs::hard_link(&head, folder.path().join("other")).unwrap();
        assert!(rejected(folder.path()));
        std::fs::remove_file(&head).unwrap();
        symlink(folder.path().join("other"), &head).unwrap();
        assert!(rejected(folder.path()));
        assert!(open_for_writing(&head).is_err());
    }

    #[test]
    fn the_lock_names_its_holder_and_ends_with_it() {
        let place = private_folder();
        let folder = StateDir::for_writing(place.path()).unwrap();
        let lock = folder.lock().unwrap();
        let error = folder.lock().unwrap_err();
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        std::fs::remove_file(place.path().join("lock")).unwrap();
        assert!(folder.lock().is_err(), "the lock does not need its file");
        drop(lock);
        folder.lock().unwrap();
    }
}
