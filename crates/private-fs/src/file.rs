//! Opens, reads, creates and removes single files.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use crate::{
    AccessFault, PrivateFsError,
    folder::{parent_of, sync_folder},
};

const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);

/// Whether a file may have more than one name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HardLinks {
    Refused,
    Accepted,
}

/// Reads a private file of at most `limit` bytes; `None` when it is missing. Never blocks, also not on a named pipe.
///
/// # Errors
/// [`PrivateFsError::NotPrivate`], [`PrivateFsError::TooLarge`], or an error of the system.
pub fn read(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, PrivateFsError> {
    read_checked(path, limit, HardLinks::Refused)
}

/// Reads a file like [`read`], but accepts further names (hard links) of the file.
///
/// # Errors
/// As [`read`].
pub fn read_linked(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, PrivateFsError> {
    read_checked(path, limit, HardLinks::Accepted)
}

fn read_checked(path: &Path, limit: usize, links: HardLinks) -> Result<Option<Vec<u8>>, PrivateFsError> {
    let (file, metadata) = match open(path, OFlags::RDONLY, "open", links) {
        Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => return Ok(None),
        opened => opened?,
    };
    // One allocation of the right size leaves no copies of a secret behind.
    let expected = usize::try_from(metadata.len()).unwrap_or(usize::MAX).min(limit);
    let mut bytes = Vec::with_capacity(expected.saturating_add(1));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(PrivateFsError::io("read", path))?;
    if bytes.len() > limit { Err(PrivateFsError::TooLarge { path: path.to_owned(), limit }) } else { Ok(Some(bytes)) }
}

/// Opens an existing private file for reading.
///
/// # Errors
/// [`PrivateFsError::NotPrivate`], or an error of the system.
pub fn open_for_reading(path: &Path) -> Result<File, PrivateFsError> {
    open(path, OFlags::RDONLY, "open", HardLinks::Refused).map(|(file, _)| file)
}

/// Opens an existing private file for reading and writing.
///
/// # Errors
/// [`PrivateFsError::NotPrivate`], or an error of the system.
pub fn open_for_writing(path: &Path) -> Result<File, PrivateFsError> {
    open(path, OFlags::RDWR, "open", HardLinks::Refused).map(|(file, _)| file)
}

/// Creates a file (0600) for reading and writing. Fails when the name exists, also as a link.
///
/// # Errors
/// An error of the system; its kind is `AlreadyExists` when the name exists.
pub fn create_new(path: &Path) -> Result<File, PrivateFsError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
    open(path, flags, "create", HardLinks::Refused).map(|(file, _)| file)
}

/// Opens a private file for reading and writing and empties it; creates it (0600) when missing. Checks the file before
/// emptying it.
///
/// # Errors
/// [`PrivateFsError::NotPrivate`], or an error of the system.
pub fn create_or_truncate(path: &Path) -> Result<File, PrivateFsError> {
    let file = open_or_create(path)?;
    file.set_len(0).map_err(PrivateFsError::io("empty", path))?;
    Ok(file)
}

pub(crate) fn open_or_create(path: &Path) -> Result<File, PrivateFsError> {
    open(path, OFlags::RDWR | OFlags::CREATE, "open", HardLinks::Refused).map(|(file, _)| file)
}

/// Checks that a file is private or missing, without opening it.
///
/// # Errors
/// [`PrivateFsError::NotPrivate`], or an error of the system.
pub fn check(path: &Path) -> Result<(), PrivateFsError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => check_metadata(path, &metadata, HardLinks::Refused),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(PrivateFsError::io("inspect", path)(error)),
    }
}

/// Removes a file durably. A missing file is not an error. A link is removed, not its target.
///
/// # Errors
/// An error of the system.
pub fn remove(path: &Path) -> Result<(), PrivateFsError> {
    if remove_name(path)? { sync_folder(&parent_of(path)) } else { Ok(()) }
}

/// Removes a name and returns whether it existed.
pub(crate) fn remove_name(path: &Path) -> Result<bool, PrivateFsError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(PrivateFsError::io("remove", path)(error)),
    }
}

fn open(
    path: &Path,
    flags: OFlags,
    action: &'static str,
    links: HardLinks,
) -> Result<(File, Metadata), PrivateFsError> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, OWNER_ONLY) {
        Ok(descriptor) => File::from(descriptor),
        Err(Errno::LOOP) => return Err(PrivateFsError::fault(path, AccessFault::Link)),
        Err(Errno::ISDIR) => return Err(PrivateFsError::fault(path, AccessFault::NotAFile)),
        Err(errno) => return Err(PrivateFsError::io(action, path)(errno)),
    };
    let metadata = file.metadata().map_err(PrivateFsError::io("inspect", path))?;
    check_metadata(path, &metadata, links)?;
    Ok((file, metadata))
}

fn check_metadata(path: &Path, metadata: &Metadata, links: HardLinks) -> Result<(), PrivateFsError> {
    match fault(metadata, links) {
        Some(fault) => Err(PrivateFsError::fault(path, fault)),
        None => Ok(()),
    }
}

fn fault(metadata: &Metadata, links: HardLinks) -> Option<AccessFault> {
    if metadata.is_symlink() {
        Some(AccessFault::Link)
    } else if !metadata.is_file() {
        Some(AccessFault::NotAFile)
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        Some(AccessFault::Owner { uid: metadata.uid() })
    } else if metadata.mode() & 0o077 != 0 {
        Some(AccessFault::OpenFile { mode: metadata.mode() & 0o777 })
    } else if metadata.nlink() > 1 && links == HardLinks::Refused {
        // A file that was replaced while it was open has no name left, and is still whole.
        Some(AccessFault::HardLink)
    } else {
        None
    }
}
