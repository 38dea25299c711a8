//! Folders that belong to this user.

use std::{
    fs::{self, DirBuilder, File, Metadata},
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::fs::{DirBuilderExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, OFlags},
    io::Errno,
};

use crate::{AccessFault, FileAccess, PrivateFsError};

/// An open handle on a folder that belongs to this user and is closed to other users.
///
/// Operations through the handle reach this folder also after its path was swapped.
#[derive(Debug)]
pub struct PrivateFolder {
    handle: OwnedFd,
    path: PathBuf,
}

/// The device and inode number of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
}

impl PrivateFolder {
    /// Opens a folder, which must exist. A link is not followed.
    ///
    /// # Errors
    /// [`PrivateFsError::NotPrivate`], or an error of the system; its kind is `NotFound` for a missing folder.
    pub fn open(path: &Path) -> Result<Self, PrivateFsError> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let handle = match rustix::fs::open(path, flags, rustix::fs::Mode::empty()) {
            Ok(handle) => File::from(handle),
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(PrivateFsError::fault(path, AccessFault::NotAFolder)),
            Err(errno) => return Err(PrivateFsError::io("open", path)(errno)),
        };
        let metadata = handle.metadata().map_err(PrivateFsError::io("inspect", path))?;
        let mode = metadata.mode() & 0o777;
        check_folder(path, &metadata, (mode & 0o077 != 0).then_some(AccessFault::OpenFolder { mode }))?;
        Ok(Self { handle: handle.into(), path: path.to_owned() })
    }

    /// Opens a folder; creates it (0700) when missing. The folder above must exist.
    ///
    /// # Errors
    /// As [`PrivateFolder::open`].
    pub fn open_or_create(path: &Path) -> Result<Self, PrivateFsError> {
        match create_folder(path) {
            Err(error) if error.io_kind() != Some(io::ErrorKind::AlreadyExists) => Err(error),
            _ => Self::open(path),
        }
    }

    /// Returns the path, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the open handle.
    #[must_use]
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Returns the type and identity of a name in the folder, or `None` when it is missing. A link is not followed.
    ///
    /// # Errors
    /// An error of the system.
    pub fn find(&self, name: &str) -> io::Result<Option<(FileType, FileIdentity)>> {
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let identity = FileIdentity { device: stat.st_dev, inode: stat.st_ino };
                Ok(Some((FileType::from_raw_mode(stat.st_mode), identity)))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Creates a folder (0700). Fails when the name exists, also as a link.
///
/// # Errors
/// An error of the system; its kind is `AlreadyExists` when the name exists.
pub fn create_folder(path: &Path) -> Result<(), PrivateFsError> {
    let created = DirBuilder::new().mode(FileAccess::Owner.folder_mode()).create(path);
    created.map_err(PrivateFsError::io("create", path))
}

/// Creates a folder and its missing parents, each with these permissions and each durably. An existing folder stays as
/// it is and is not checked.
///
/// # Errors
/// An error of the system.
pub fn create_folders(path: &Path, access: FileAccess) -> Result<(), PrivateFsError> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.is_dir()).collect();
    for folder in missing.into_iter().rev() {
        let created = DirBuilder::new().mode(access.folder_mode()).create(folder);
        // Another process may have created it meanwhile.
        created
            .or_else(|error| if folder.is_dir() { Ok(()) } else { Err(error) })
            .map_err(PrivateFsError::io("create", folder))?;
        sync_folder(&parent_of(folder))?;
    }
    Ok(())
}

/// Checks that a folder belongs to this user and that no other user may write in it. Other users may read it; a link to
/// the folder is followed.
///
/// # Errors
/// [`PrivateFsError::NotPrivate`], or an error of the system.
pub fn check_folder_writers(path: &Path) -> Result<(), PrivateFsError> {
    let metadata = fs::metadata(path).map_err(PrivateFsError::io("inspect", path))?;
    let mode = metadata.mode() & 0o777;
    check_folder(path, &metadata, (mode & 0o022 != 0).then_some(AccessFault::WritableFolder { mode }))
}

/// Writes the names in a folder to disk.
///
/// # Errors
/// An error of the system.
pub fn sync_folder(path: &Path) -> Result<(), PrivateFsError> {
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    synced.map_err(PrivateFsError::io("write to disk the folder", path))
}

/// Returns the folder that holds a path: `.` for a bare name.
#[must_use]
pub fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn check_folder(path: &Path, metadata: &Metadata, open: Option<AccessFault>) -> Result<(), PrivateFsError> {
    let fault = if !metadata.is_dir() {
        Some(AccessFault::NotAFolder)
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        Some(AccessFault::Owner { uid: metadata.uid() })
    } else {
        open
    };
    fault.map_or(Ok(()), |fault| Err(PrivateFsError::fault(path, fault)))
}
