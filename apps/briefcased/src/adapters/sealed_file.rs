//! Small private files of the daemon, replaced as a whole.

use std::{io, path::Path};

use briefcase_private_fs::FileAccess;

const MAX_BYTES: usize = 1 << 20;

/// Reads a private file; `None` when it is missing.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    Ok(briefcase_private_fs::read(path, MAX_BYTES)?)
}

/// Replaces a private file durably.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    Ok(briefcase_private_fs::write(path, bytes, FileAccess::Owner)?)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use rustix::fs::Mode;

    use super::*;

    #[test]
    fn links_pipes_and_folders_are_rejected_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("ours"), b"x").unwrap();
        assert_eq!(read(&at("ours")).unwrap().unwrap(), b"x");
        symlink(at("ours"), at("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        fs::create_dir(at("folder")).unwrap();
        for name in ["link", "pipe", "folder"] {
            let (sender, result) = std::sync::mpsc::channel();
            let path = at(name);
            std::thread::spawn(move || sender.send(read(&path)));
            let result = result.recv_timeout(std::time::Duration::from_secs(10)).expect("reading a pipe blocks");
            let error = result.unwrap_err();
            assert!(error.to_string().contains("is not safe to use"), "{name}: {error}");
        }
        assert!(read(&at("nothing")).unwrap().is_none());
    }
}
