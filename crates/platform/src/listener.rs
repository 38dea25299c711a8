//! Binds a socket so that no other program can take its place, and only once at a time.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use briefcase_private_fs::{FileIdentity, LockFile, PrivateFolder, PrivateFsError};
use rustix::fs::{AtFlags, FileType, Mode};
use tokio::net::{UnixListener, UnixStream};

use crate::{LocalSocketError, Peer, connection::address};

/// The pause when the process has no free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound socket (0600) with the lock of its single instance. Dropping it removes the socket.
#[derive(Debug)]
pub struct LocalListener {
    listener: UnixListener,
    folder: PrivateFolder,
    name: &'static str,
    identity: FileIdentity,
    _lock: LockFile,
}

impl LocalListener {
    /// Binds the socket `name` in a private folder. Creates a missing folder; its parent must exist.
    ///
    /// The socket is bound under the name `NAME.new`, restricted to this user, and then renamed. So the name never
    /// refers to a socket that is not ready, belongs to another process, or is open to other users. The lock is the file
    /// `NAME.lock`; it ends with the process, also after a crash.
    ///
    /// # Errors
    /// [`LocalSocketError::Folder`], [`LocalSocketError::InUse`], [`LocalSocketError::NotASocket`], or an error of the
    /// system.
    pub fn bind(folder: &Path, name: &'static str) -> Result<Self, LocalSocketError> {
        let path = folder.join(name);
        let folder = PrivateFolder::open_or_create(folder).map_err(LocalSocketError::Folder)?;
        let lock = lock(&folder, name, &path)?;
        check_replaceable(&folder, name, &path)?;
        let (listener, identity) = bind_and_rename(&folder, name, &path)?;
        Ok(Self { listener, folder, name, identity, _lock: lock })
    }

    /// Returns the socket's path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    /// Accepts the next connection of this user. Connections of other users are closed without a response.
    pub async fn accept(&self) -> (UnixStream, Peer) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    if let Ok(peer) = Peer::of(&stream) {
                        return (stream, peer);
                    }
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        if let Ok(Some((FileType::Socket, identity))) = self.folder.find(self.name)
            && identity == self.identity
        {
            let _ = rustix::fs::unlinkat(self.folder.handle(), self.name, AtFlags::empty());
        }
    }
}

fn bind_and_rename(
    folder: &PrivateFolder,
    name: &str,
    path: &Path,
) -> Result<(UnixListener, FileIdentity), LocalSocketError> {
    let handle = folder.handle();
    let temporary = format!("{name}.new");
    if folder.find(&temporary).map_err(LocalSocketError::io(path))?.is_some() {
        rustix::fs::unlinkat(handle, &temporary, AtFlags::empty()).map_err(LocalSocketError::io(path))?;
    }
    let listener = UnixListener::bind(address(folder, &temporary)).map_err(LocalSocketError::io(path))?;
    rustix::fs::chmodat(handle, &temporary, Mode::RUSR | Mode::WUSR, AtFlags::empty())
        .map_err(LocalSocketError::io(path))?;
    let found = folder.find(&temporary).map_err(LocalSocketError::io(path))?;
    let Some((FileType::Socket, identity)) = found else { return Err(LocalSocketError::NotASocket(path.to_owned())) };
    rustix::fs::renameat(handle, &temporary, handle, name).map_err(LocalSocketError::io(path))?;
    match folder.find(name).map_err(LocalSocketError::io(path))? {
        Some((FileType::Socket, now)) if now == identity => Ok((listener, identity)),
        _ => Err(LocalSocketError::NotASocket(path.to_owned())),
    }
}

fn lock(folder: &PrivateFolder, name: &str, path: &Path) -> Result<LockFile, LocalSocketError> {
    LockFile::acquire_in(folder, &format!("{name}.lock")).map_err(|error| match error {
        PrivateFsError::Locked { .. } => LocalSocketError::InUse(path.to_owned()),
        PrivateFsError::NotPrivate { path, .. } => LocalSocketError::NotASocket(path),
        other => LocalSocketError::io(path)(other),
    })
}

/// Checks that the path may be replaced: it is free, or a socket without a listener.
fn check_replaceable(folder: &PrivateFolder, name: &str, path: &Path) -> Result<(), LocalSocketError> {
    match folder.find(name).map_err(LocalSocketError::io(path))? {
        None => Ok(()),
        Some((FileType::Socket, _)) => match std::os::unix::net::UnixStream::connect(address(folder, name)) {
            Ok(_) => Err(LocalSocketError::InUse(path.to_owned())),
            Err(_) => Ok(()),
        },
        Some(_) => Err(LocalSocketError::NotASocket(path.to_owned())),
    }
}
