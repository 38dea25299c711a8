//! Exclusive locks. The kernel holds them, so a killed process leaves no lock behind.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    path::Path,
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags},
    io::Errno,
};

use crate::{AccessFault, PrivateFolder, PrivateFsError, file::open_or_create};

/// The longest process id that is read from a lock file.
const MAX_HOLDER_BYTES: u64 = 16;

/// An exclusive lock on a file, released when dropped.
#[derive(Debug)]
pub struct LockFile {
    _file: File,
}

impl LockFile {
    /// Takes the lock on a private file, without waiting. Creates the file (0600) when missing.
    ///
    /// # Errors
    /// [`PrivateFsError::Locked`], [`PrivateFsError::NotPrivate`], or an error of the system.
    pub fn acquire(path: &Path) -> Result<Self, PrivateFsError> {
        let file = open_or_create(path)?;
        lock(&file, path)?;
        Ok(Self { _file: file })
    }

    /// Takes the lock on a file of a private folder, without waiting. Creates the file (0600) when missing. A link is
    /// not followed; the folder protects the file, which is not checked further and never written.
    ///
    /// # Errors
    /// [`PrivateFsError::Locked`], [`PrivateFsError::NotPrivate`] for a link, or an error of the system.
    pub fn acquire_in(folder: &PrivateFolder, name: &str) -> Result<Self, PrivateFsError> {
        let path = folder.path().join(name);
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = match rustix::fs::openat(folder.handle(), name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(descriptor) => File::from(descriptor),
            Err(Errno::LOOP) => return Err(PrivateFsError::fault(&path, AccessFault::Link)),
            Err(errno) => return Err(PrivateFsError::io("open", &path)(errno)),
        };
        lock(&file, &path)?;
        Ok(Self { _file: file })
    }
}

/// An exclusive lock on a folder, released when dropped.
///
/// The lock is on the folder itself, so removing a file does not release it. A file in the folder is locked too, and
/// holds the process id of the lock's holder.
#[derive(Debug)]
pub struct FolderLock {
    _folder: File,
    _file: File,
}

impl FolderLock {
    /// Takes the lock, without waiting, and writes this process's id into the file `name` of the folder.
    ///
    /// # Errors
    /// [`PrivateFsError::Locked`] with the holder's process id, [`PrivateFsError::NotPrivate`], or an error of the
    /// system.
    pub fn acquire(folder: &Path, name: &str) -> Result<Self, PrivateFsError> {
        let handle = File::open(folder).map_err(PrivateFsError::io("open", folder))?;
        let path = folder.join(name);
        let mut file = open_or_create(&path)?;
        match lock(&handle, folder).and_then(|()| lock(&file, &path)) {
            Err(PrivateFsError::Locked { path, .. }) => {
                return Err(PrivateFsError::Locked { path, holder: holder(&mut file) });
            }
            locked => locked?,
        }
        write_holder(&mut file).map_err(PrivateFsError::io("write", &path))?;
        Ok(Self { _folder: handle, _file: file })
    }
}

fn lock(file: &File, path: &Path) -> Result<(), PrivateFsError> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(PrivateFsError::Locked { path: path.to_owned(), holder: None }),
        Err(errno) => Err(PrivateFsError::io("lock", path)(errno)),
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_HOLDER_BYTES).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
