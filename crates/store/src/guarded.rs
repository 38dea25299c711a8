//! The state folder: its files belong to this user alone, and one daemon serves it.
//!
//! Invariant: the store never follows a symbolic link, never uses a file that others can reach, and holds the folder's
//! lock for as long as it may write. The lock is the system's (`flock`), so a killed daemon never leaves it behind.

use std::{
    fs::{DirBuilder, File},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, Mode, OFlags};

use crate::StoreError;

const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);

/// The files of the store.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A folder to write in: made when it is missing, refused when others can reach it.
    pub(crate) fn for_writing(path: &Path) -> Result<Self, StoreError> {
        if !path.try_exists().map_err(StoreError::io("look at the state folder"))? {
            let made = DirBuilder::new().mode(0o700).recursive(true).create(path);
            made.map_err(StoreError::io("make the state folder"))?;
        }
        Self::for_reading(path)
    }

    /// A folder to read from.
    pub(crate) fn for_reading(path: &Path) -> Result<Self, StoreError> {
        let metadata = std::fs::symlink_metadata(path).map_err(StoreError::io("look at the state folder"))?;
        if !metadata.is_dir() {
            return Err(unguarded(path, "it is not a folder", "name the folder itself, not a link to it"));
        }
        check_owner(path, &metadata, "use `chmod 700`")?;
        let folder = Self(path.to_owned());
        for file in ["briefcase.db", "briefcase.db-wal", "briefcase.db-shm", "head", "lock"] {
            check_file(&folder.0.join(file))?;
        }
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("briefcase.db")
    }

    pub(crate) fn log_of_database(&self) -> PathBuf {
        self.0.join("briefcase.db-wal")
    }

    pub(crate) fn head(&self) -> PathBuf {
        self.0.join("head")
    }

    /// Makes the names in the folder durable.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        File::open(&self.0)
            .and_then(|folder| folder.sync_all())
            .map_err(StoreError::io("make the state folder durable"))
    }
}

/// The right to write in a state folder, held until it is dropped. It is on the folder itself, so it cannot be removed; the file
/// says who has it.
#[derive(Debug)]
pub(crate) struct Lock {
    _folder: File,
    _file: File,
}

impl Lock {
    pub(crate) fn take(folder: &Folder) -> Result<Self, StoreError> {
        let itself = File::open(&folder.0).map_err(StoreError::io("open the state folder"))?;
        let mut file = open_guarded(&folder.0.join("lock"), OFlags::RDWR | OFlags::CREATE)?;
        let taken = |of: &File| rustix::fs::flock(of, FlockOperation::NonBlockingLockExclusive).is_err();
        if taken(&itself) || taken(&file) {
            let mut text = String::new();
            let read = (&mut file).take(16).read_to_string(&mut text);
            let pid = read.ok().and_then(|_| text.trim().parse().ok());
            return Err(StoreError::AlreadyRunning { pid });
        }
        let write = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", rustix::process::getpid().as_raw_nonzero()));
        write.map_err(StoreError::io("write the lock file"))?;
        Ok(Self { _folder: itself, _file: file })
    }
}

/// Opens a file of mode 0600, not through a link, not inherited by children.
pub(crate) fn open_guarded(path: &Path, flags: OFlags) -> Result<File, StoreError> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, OWNER_ONLY) {
        Ok(descriptor) => File::from(descriptor),
        Err(rustix::io::Errno::LOOP) => return Err(link(path)),
        Err(errno) => return Err(StoreError::Io { doing: "open a file of the state folder", source: errno.into() }),
    };
    let metadata = file.metadata().map_err(StoreError::io("look at a file of the state folder"))?;
    check(path, &metadata)?;
    Ok(file)
}

fn check_file(path: &Path) -> Result<(), StoreError> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => check(path, &metadata),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("look at a file of the state folder")(error)),
    }
}

fn check(path: &Path, metadata: &std::fs::Metadata) -> Result<(), StoreError> {
    if metadata.is_symlink() {
        return Err(link(path));
    }
    if !metadata.is_file() {
        return Err(unguarded(path, "it is not a regular file", "move it away"));
    }
    if metadata.nlink() != 1 {
        return Err(unguarded(path, "it has a second name (hard link)", "remove the other name"));
    }
    check_owner(path, metadata, "use `chmod 600`")
}

fn check_owner(path: &Path, metadata: &std::fs::Metadata, fix: &'static str) -> Result<(), StoreError> {
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(unguarded(path, "it belongs to another user", "run as its owner"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(unguarded(path, "others may read or write it", fix));
    }
    Ok(())
}

fn link(path: &Path) -> StoreError {
    unguarded(path, "it is a symbolic link", "put the file itself in the state folder")
}

fn unguarded(path: &Path, found: &'static str, fix: &'static str) -> StoreError {
    StoreError::Unguarded { path: path.to_owned(), found, fix }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn private_folder() -> tempfile::TempDir {
        let owner_only = std::fs::Permissions::from_mode(0o700);
        tempfile::Builder::new().permissions(owner_only).tempdir().unwrap()
    }

    fn refused(path: &Path) -> bool {
        matches!(Folder::for_reading(path), Err(StoreError::Unguarded { .. }))
    }

    #[test]
    fn what_others_can_reach_is_refused() {
        let folder = private_folder();
        assert!(!refused(folder.path()));
        let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        for mode in [0o750, 0o701, 0o720] {
            set(folder.path(), mode);
            assert!(refused(folder.path()), "{mode:o}");
        }
        set(folder.path(), 0o700);
        let head = folder.path().join("head");
        std::fs::write(&head, "x").unwrap();
        set(&head, 0o644);
        assert!(refused(folder.path()));
        set(&head, 0o600);
        assert!(!refused(folder.path()));
        std::fs::hard_link(&head, folder.path().join("other")).unwrap();
        assert!(refused(folder.path()));
        std::fs::remove_file(&head).unwrap();
        symlink(folder.path().join("other"), &head).unwrap();
        assert!(refused(folder.path()));
        assert!(open_guarded(&head, OFlags::RDWR).is_err());
    }

    #[test]
    fn the_lock_names_its_holder_and_dies_with_it() {
        let place = private_folder();
        let folder = Folder::for_writing(place.path()).unwrap();
        let lock = Lock::take(&folder).unwrap();
        let error = Lock::take(&folder).unwrap_err();
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        std::fs::remove_file(place.path().join("lock")).unwrap();
        assert!(Lock::take(&folder).is_err(), "without its file it is the same lock");
        drop(lock);
        Lock::take(&folder).unwrap();
    }
}
