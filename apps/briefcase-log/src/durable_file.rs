//! Writes files so that after a crash each is complete or absent.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

use crate::error::CommandError;

/// The permissions of a file.
#[derive(Clone, Copy)]
pub enum FileMode {
    Public,
    Private,
}

impl FileMode {
    const fn bits(self) -> u32 {
        match self {
            Self::Public => 0o644,
            Self::Private => 0o600,
        }
    }
}

/// Writes a file durably: its bytes, then its name, then the folder.
pub fn write(path: &Path, bytes: &[u8], mode: FileMode) -> Result<(), CommandError> {
    write_with(path, bytes, mode, |draft| draft.persist(path).map(drop).map_err(|error| error.error))
}

/// Writes a new file durably. Fails when the file exists.
pub fn create(path: &Path, bytes: &[u8], mode: FileMode) -> Result<(), CommandError> {
    let placed =
        write_with(path, bytes, mode, |draft| draft.persist_noclobber(path).map(drop).map_err(|error| error.error));
    match placed {
        Err(CommandError::File { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
            Err(CommandError::There(path.display().to_string()))
        }
        other => other,
    }
}

fn write_with(
    path: &Path,
    bytes: &[u8],
    mode: FileMode,
    place: impl FnOnce(tempfile::NamedTempFile) -> io::Result<()>,
) -> Result<(), CommandError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let work = || {
        let mut draft = tempfile::Builder::new()
            .prefix(".draft-")
            .permissions(fs::Permissions::from_mode(mode.bits()))
            .tempfile_in(folder)?;
        draft.write_all(bytes)?;
        draft.as_file().sync_all()?;
        place(draft)?;
        File::open(folder)?.sync_all()
    };
    work().map_err(CommandError::file(path))
}

/// Creates a folder and its missing parents durably.
pub fn create_dir(path: &Path, mode: FileMode) -> Result<(), CommandError> {
    let bits = mode.bits() | if matches!(mode, FileMode::Public) { 0o111 } else { 0o100 };
    let missing: Vec<&Path> =
        path.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.is_dir()).collect();
    for one in missing.into_iter().rev() {
        let made = DirBuilder::new().mode(bits).create(one);
        made.or_else(|error| if one.is_dir() { Ok(()) } else { Err(error) }).map_err(CommandError::file(one))?;
        let above = one.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(above).and_then(|folder| folder.sync_all()).map_err(CommandError::file(above))?;
    }
    Ok(())
}

/// An exclusive lock on a folder, held until dropped.
#[derive(Debug)]
pub struct FolderLock {
    _lock: File,
}

impl FolderLock {
    pub fn acquire(folder: &Path) -> Result<Self, CommandError> {
        let path = folder.join(".lock");
        let lock =
            File::options().create(true).append(true).mode(0o600).open(&path).map_err(CommandError::file(&path))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| CommandError::Busy(folder.display().to_string()))?;
        Ok(Self { _lock: lock })
    }
}
