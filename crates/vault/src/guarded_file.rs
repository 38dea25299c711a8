//! Small files that must belong to this user alone, replaced whole or not at all.
//!
//! Invariant: a reader sees the old bytes or the new bytes, never a mixture, also after a crash at any step.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

use crate::VaultError;

const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Reads a file of at most `limit` bytes. `None` if there is none.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, VaultError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(rustix::io::Errno::LOOP) => return Err(unguarded_file("a symbolic link")),
        Err(errno) => return Err(VaultError::io("open the vault file")(errno.into())),
    };
    check(&file)?;
    check_folder(&folder_of(path))?;
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(VaultError::io("read the vault file"))?;
    if bytes.len() > limit { Err(VaultError::TooLarge(limit)) } else { Ok(Some(bytes)) }
}

/// New bytes that are durable beside the file, and not yet in its place.
pub(crate) struct Staged {
    from: PathBuf,
    to: PathBuf,
}

/// Writes `bytes` durably beside `path`, mode 0600. What a crash left there before is removed first.
pub(crate) fn stage(path: &Path, bytes: &[u8]) -> Result<Staged, VaultError> {
    check_folder(&folder_of(path))?;
    let from = staged_path(path);
    match fs::remove_file(&from) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(VaultError::io("remove an unfinished vault file")(error)),
    }
    let mut file = create(&from)?;
    file.write_all(bytes).map_err(VaultError::io("write the vault file"))?;
    file.sync_all().map_err(VaultError::io("make the vault file durable"))?;
    Ok(Staged { from, to: path.to_path_buf() })
}

/// Where [`stage`] puts new bytes.
pub(crate) fn staged_path(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("vault");
    path.with_file_name(format!(".{name}.new"))
}

/// What an earlier [`stage`] left beside `path`, with its bytes. `None` if there is nothing.
pub(crate) fn staged(path: &Path, limit: usize) -> Result<Option<(Staged, Vec<u8>)>, VaultError> {
    let from = staged_path(path);
    let found = read(&from, limit)?;
    Ok(found.map(|bytes| (Staged { from, to: path.to_path_buf() }, bytes)))
}

impl Staged {
    /// Removes the new bytes; the old ones stay.
    pub(crate) fn discard(self) -> Result<(), VaultError> {
        fs::remove_file(&self.from).map_err(VaultError::io("remove an unfinished vault file"))
    }

    /// Puts the new bytes in the old ones' place, durably.
    pub(crate) fn replace(self) -> Result<(), VaultError> {
        fs::rename(&self.from, &self.to).map_err(VaultError::io("replace the vault file"))?;
        sync_folder(&folder_of(&self.to))
    }
}

/// A new file, mode 0600; fails if there is anything of that name, a link included.
pub(crate) fn create(path: &Path) -> Result<File, VaultError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let descriptor =
        rustix::fs::open(path, flags, FILE_MODE).map_err(|errno| VaultError::io("create a file")(errno.into()))?;
    Ok(File::from(descriptor))
}

/// A new folder, mode 0700; fails if there is anything of that name.
pub(crate) fn create_folder(path: &Path) -> Result<(), VaultError> {
    fs::DirBuilder::new().mode(0o700).create(path).map_err(VaultError::io("create a folder"))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), VaultError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(VaultError::io("make the folder durable"))
}

/// The folder a path is in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn check(file: &File) -> Result<(), VaultError> {
    let metadata = file.metadata().map_err(VaultError::io("look at the vault file"))?;
    if !metadata.is_file() {
        return Err(unguarded_file("not a regular file"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(unguarded_file("it belongs to another user"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(unguarded_file("others may read or write it"));
    }
    if metadata.nlink() != 1 {
        return Err(unguarded_file("it has a second name (hard link)"));
    }
    Ok(())
}

fn check_folder(folder: &Path) -> Result<(), VaultError> {
    let metadata = fs::metadata(folder).map_err(VaultError::io("look at the vault's folder"))?;
    let unguarded = |found| VaultError::Unguarded { what: "the vault's folder", found, want: "700" };
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(unguarded("it belongs to another user"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(unguarded("others may write in it"));
    }
    Ok(())
}

const fn unguarded_file(found: &'static str) -> VaultError {
    VaultError::Unguarded { what: "the vault file", found, want: "600" }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_crash_before_the_rename_keeps_the_old_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.json");
        stage(&path, b"old").unwrap().replace().unwrap();
        drop(stage(&path, b"half of the n").unwrap());
        assert_eq!(read(&path, 100).unwrap().unwrap(), b"old");
        stage(&path, b"new").unwrap().replace().unwrap();
        assert_eq!(read(&path, 100).unwrap().unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn files_that_others_can_reach_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.json");
        stage(&path, b"x").unwrap().replace().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(read(&path, 100), Err(VaultError::Unguarded { .. })), "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(matches!(read(&link, 100), Err(VaultError::Unguarded { .. })));
        fs::hard_link(&path, folder.path().join("second")).unwrap();
        assert!(matches!(read(&path, 100), Err(VaultError::Unguarded { .. })));
    }

    #[test]
    fn a_folder_others_can_write_in_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.json");
        stage(&path, b"x").unwrap().replace().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o770)).unwrap();
        assert!(matches!(read(&path, 100), Err(VaultError::Unguarded { .. })));
        assert!(matches!(stage(&path, b"y").map(|_| ()), Err(VaultError::Unguarded { .. })));
    }

    #[test]
    fn a_link_laid_in_the_way_of_the_new_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.json");
        let victim = folder.path().join("victim");
        fs::write(&victim, b"keep").unwrap();
        symlink(&victim, folder.path().join(".vault.json.new")).unwrap();
        stage(&path, b"x").unwrap().replace().unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"keep");
    }
}
