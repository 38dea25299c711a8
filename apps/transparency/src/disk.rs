//! Files that are there after a crash, or not there at all.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

use crate::failure::Failure;

/// Who may read a file.
#[derive(Clone, Copy)]
pub enum Readers {
    Everybody,
    Owner,
}

impl Readers {
    const fn mode(self) -> u32 {
        match self {
            Self::Everybody => 0o644,
            Self::Owner => 0o600,
        }
    }
}

/// Puts a file in place, durably: its bytes, then its name, then the folder.
pub fn put(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Failure> {
    written(path, bytes, readers, |draft| draft.persist(path).map(drop).map_err(|error| error.error))
}

/// The same, unless there is one already.
pub fn put_new(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Failure> {
    let placed =
        written(path, bytes, readers, |draft| draft.persist_noclobber(path).map(drop).map_err(|error| error.error));
    match placed {
        Err(Failure::File { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
            Err(Failure::There(path.display().to_string()))
        }
        other => other,
    }
}

fn written(
    path: &Path,
    bytes: &[u8],
    readers: Readers,
    place: impl FnOnce(tempfile::NamedTempFile) -> io::Result<()>,
) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let work = || {
        let mut draft = tempfile::Builder::new()
            .prefix(".draft-")
            .permissions(fs::Permissions::from_mode(readers.mode()))
            .tempfile_in(folder)?;
        draft.write_all(bytes)?;
        draft.as_file().sync_all()?;
        place(draft)?;
        File::open(folder)?.sync_all()
    };
    work().map_err(Failure::file(path))
}

/// Makes a folder, and those above it, durably.
pub fn folder(path: &Path, readers: Readers) -> Result<(), Failure> {
    let mode = readers.mode() | if matches!(readers, Readers::Everybody) { 0o111 } else { 0o100 };
    let missing: Vec<&Path> =
        path.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.is_dir()).collect();
    for one in missing.into_iter().rev() {
        let made = DirBuilder::new().mode(mode).create(one);
        made.or_else(|error| if one.is_dir() { Ok(()) } else { Err(error) }).map_err(Failure::file(one))?;
        let above = one.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(above).and_then(|folder| folder.sync_all()).map_err(Failure::file(above))?;
    }
    Ok(())
}

/// A folder that nobody else works in for as long as this lives.
#[derive(Debug)]
pub struct Held {
    _lock: File,
}

impl Held {
    pub fn take(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(".lock");
        let lock = File::options().create(true).append(true).mode(0o600).open(&path).map_err(Failure::file(&path))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| Failure::Busy(folder.display().to_string()))?;
        Ok(Self { _lock: lock })
    }
}
