//! Small files of the daemon, written so that a crash leaves the old or the new one, never half of one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

const MOST_BYTES: u64 = 1 << 20;

/// Reads a file of ours; `None` when there is none. Refuses links and files that others can read, and waits for nobody: a
/// pipe laid in its place is no file either.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err(not_private(path)),
        Err(errno) => return Err(errno.into()),
    };
    let about = file.metadata()?;
    if !about.is_file() || about.permissions().mode() & 0o077 != 0 || about.len() > MOST_BYTES {
        return Err(not_private(path));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn not_private(path: &Path) -> io::Error {
    let text = format!("{} is not a private file of this program: chmod 600 it, or restore it", path.display());
    io::Error::new(io::ErrorKind::PermissionDenied, text)
}

/// Replaces a file: new bytes beside it, on disk, then renamed over it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_was_laid_in_the_place_of_a_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("ours"), b"x").unwrap();
        assert_eq!(read(&at("ours")).unwrap().unwrap(), b"x");
        symlink(at("ours"), at("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        fs::create_dir(at("folder")).unwrap();
        for name in ["link", "pipe", "folder"] {
            let (told, answer) = std::sync::mpsc::channel();
            let path = at(name);
            std::thread::spawn(move || told.send(read(&path)));
            let answer = answer.recv_timeout(std::time::Duration::from_secs(10)).expect("a pipe nobody writes to");
            let error = answer.unwrap_err();
            assert!(error.to_string().contains("is not a private file"), "{name}: {error}");
        }
        assert!(read(&at("nothing")).unwrap().is_none());
    }
}
