//! Reads and writes a log's files. This is the only file access of this crate. Every path comes from [`crate::tiles`],
//! so nothing outside the folder is reached.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// A source of a log's files: a folder, an archive, the memory of a web page.
pub trait FileSource {
    /// Returns the file's bytes, or `None` when the file is missing. `path` has `/` between its elements.
    ///
    /// # Errors
    /// Any error of the source; also when the file is longer than `limit`.
    fn read(&self, path: &str, limit: usize) -> io::Result<Option<Vec<u8>>>;
}

/// A destination for a log's files.
pub trait FileSink {
    /// Writes one file; `path` has `/` between its elements.
    ///
    /// # Errors
    /// Any error of the destination.
    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
}

/// A folder that holds a log's files.
#[derive(Clone, Debug)]
pub struct LogFolder(PathBuf);

impl LogFolder {
    /// Names the folder without reading or creating it.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl FileSource for LogFolder {
    fn read(&self, path: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match fs::File::open(self.0.join(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(Some(bytes)) }
    }
}

impl FileSink for LogFolder {
    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let file = self.0.join(path);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(file, bytes)
    }
}
