//! The daemon's log as a source of files, so that one check runs over the socket and over a folder.

use std::io;

use briefcase_admin_client::AdminClient;
use briefcase_receipts::verify::FileSource;
use tokio::runtime::Handle;

/// The daemon's log. It blocks, so read it outside the runtime's own thread.
pub struct Daemon {
    client: AdminClient,
    runtime: Handle,
    head: Vec<u8>,
}

impl Daemon {
    /// The log at one checkpoint. Later receipts do not disturb the check.
    pub fn at(client: AdminClient, runtime: Handle, head: Vec<u8>) -> Self {
        Self { client, runtime, head }
    }
}

impl FileSource for Daemon {
    fn read(&self, path: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        if path == "checkpoint" {
            return Ok(Some(self.head.clone()));
        }
        let read = self.runtime.block_on(self.client.log_file(path));
        let bytes = read.map_err(io::Error::other)?;
        match bytes {
            Some(bytes) if bytes.len() > limit => Err(io::ErrorKind::FileTooLarge.into()),
            bytes => Ok(bytes.map(Into::into)),
        }
    }
}

/// A source that also writes what it reads into a folder.
pub struct Copying<'a, S> {
    /// The source.
    pub source: S,
    /// The folder of the copy.
    pub folder: &'a briefcase_receipts::LogFolder,
}

impl<S: FileSource> FileSource for Copying<'_, S> {
    fn read(&self, path: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        use briefcase_receipts::export::FileSink as _;
        let bytes = self.source.read(path, limit)?;
        // The checkpoint is written last: a folder without one is no export.
        if let Some(bytes) = bytes.as_ref().filter(|_| path != "checkpoint") {
            self.folder.clone().write(path, bytes)?;
        }
        Ok(bytes)
    }
}
