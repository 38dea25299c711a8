//! Replaces a file as a whole: new bytes in a file beside it, on disk, then renamed over it.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{
    FileAccess, PrivateFsError,
    file::{create_new, read, remove, remove_name},
    folder::{check_folder_writers, parent_of, sync_folder},
};

/// Replaces or creates a file durably. Concurrent writers do not disturb each other: the last rename wins. A crash may
/// leave a file `.NAME.RANDOM.new` in the folder.
///
/// # Errors
/// An error of the system. The old file is then still in place, unless the folder alone could not be written to disk.
pub fn write(path: &Path, bytes: &[u8], access: FileAccess) -> Result<(), PrivateFsError> {
    place(path, bytes, access, |draft| match draft.persist(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(PrivateFsError::io("replace", path)(error.error)),
    })
}

/// Creates a file durably. Fails when the name exists, also as a link.
///
/// # Errors
/// An error of the system; its kind is `AlreadyExists` when the name exists.
pub fn write_new(path: &Path, bytes: &[u8], access: FileAccess) -> Result<(), PrivateFsError> {
    place(path, bytes, access, |draft| match draft.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(PrivateFsError::io("create", path)(error.error)),
    })
}

fn place(
    path: &Path,
    bytes: &[u8],
    access: FileAccess,
    rename: impl FnOnce(tempfile::NamedTempFile) -> Result<(), PrivateFsError>,
) -> Result<(), PrivateFsError> {
    let folder = parent_of(path);
    let mut draft = tempfile::Builder::new()
        .prefix(&format!(".{}.", file_name(path)))
        .suffix(".new")
        .permissions(fs::Permissions::from_mode(access.file_mode()))
        .tempfile_in(&folder)
        .map_err(PrivateFsError::io("create a file beside", path))?;
    let written = draft.write_all(bytes).and_then(|()| draft.as_file().sync_all());
    written.map_err(PrivateFsError::io("write", path))?;
    rename(draft)?;
    sync_folder(&folder)
}

/// New bytes for a file, on disk beside it and not yet in its place. Dropping the value leaves them there.
#[derive(Debug)]
#[must_use = "the new bytes are not in place yet"]
pub struct StagedFile {
    from: PathBuf,
    to: PathBuf,
}

/// Writes new bytes (0600) durably to `.NAME.new` beside the file. Removes what an earlier crash left there. No other
/// user may write in the folder.
///
/// # Errors
/// [`PrivateFsError::NotPrivate`] for the folder, or an error of the system.
pub fn stage(path: &Path, bytes: &[u8]) -> Result<StagedFile, PrivateFsError> {
    check_folder_writers(&parent_of(path))?;
    let from = staged_path(path);
    remove_name(&from)?;
    let mut file = create_new(&from)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(PrivateFsError::io("write", &from))?;
    sync_folder(&parent_of(path))?;
    Ok(StagedFile { from, to: path.to_path_buf() })
}

impl StagedFile {
    /// Finds what an earlier [`stage`] left for the file, with its bytes; `None` when there is nothing.
    ///
    /// # Errors
    /// As [`read`] and [`check_folder_writers`].
    pub fn find(path: &Path, limit: usize) -> Result<Option<(Self, Vec<u8>)>, PrivateFsError> {
        let from = staged_path(path);
        let Some(bytes) = read(&from, limit)? else { return Ok(None) };
        check_folder_writers(&parent_of(path))?;
        Ok(Some((Self { from, to: path.to_path_buf() }, bytes)))
    }

    /// Removes the new bytes durably. The file keeps its old bytes.
    ///
    /// # Errors
    /// An error of the system.
    pub fn discard(self) -> Result<(), PrivateFsError> {
        remove(&self.from)
    }

    /// Puts the new bytes in the file's place durably.
    ///
    /// # Errors
    /// An error of the system.
    pub fn replace(self) -> Result<(), PrivateFsError> {
        fs::rename(&self.from, &self.to).map_err(PrivateFsError::io("replace", &self.to))?;
        sync_folder(&parent_of(&self.to))
    }
}

fn staged_path(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}.new", file_name(path)))
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or("file")
}
