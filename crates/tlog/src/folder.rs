//! Where the files of a log lie. The only file access of this crate; every path is one that [`crate::tiles`] makes, so
//! nothing outside the folder is reached.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// Where the files of a log come from: a folder, an archive, a web page's memory.
pub trait FileSource {
    /// The file's bytes, or `None` when there is none. `path` has `/` between its elements.
    ///
    /// # Errors
    /// Any error of the source; a file longer than `limit` is one.
    fn read(&self, path: &str, limit: usize) -> io::Result<Option<Vec<u8>>>;
}

/// Where the files of a log go.
pub trait FileSink {
    /// Writes one file; `path` has `/` between its elements.
    ///
    /// # Errors
    /// Any error of the target.
    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
}

/// A folder with a log's files.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Names the folder; nothing is read or made yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl FileSource for Folder {
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

impl FileSink for Folder {
    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let file = self.0.join(path);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(file, bytes)
    }
}
