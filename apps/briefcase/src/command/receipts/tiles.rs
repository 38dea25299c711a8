//! The daemon's log as a source of files: the same check runs over the socket as over a folder.

use std::io;

use briefcase_admin_client::AdminClient;
use briefcase_receipts::verify::FileSource;
use tokio::runtime::Handle;

/// The daemon's log. To be read outside the runtime's own thread.
pub struct Daemon {
    client: AdminClient,
    runtime: Handle,
    head: Vec<u8>,
}

impl Daemon {
    /// The log as it is at one signed head; what is recorded meanwhile does not disturb the check.
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

/// Passes on what is read, and keeps a copy in a folder.
pub struct Copying<'a, S> {
    /// Where it comes from.
    pub source: S,
    /// Where the copy goes.
    pub folder: &'a briefcase_receipts::LogFolder,
}

impl<S: FileSource> FileSource for Copying<'_, S> {
    fn read(&self, path: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        use briefcase_receipts::export::FileSink as _;
        let bytes = self.source.read(path, limit)?;
        // The signed head comes last: without it, what is there is no export.
        if let Some(bytes) = bytes.as_ref().filter(|_| path != "checkpoint") {
            self.folder.clone().write(path, bytes)?;
        }
        Ok(bytes)
    }
}
