//! Binding a socket so that nobody can be in its place, and connecting only to who should be there.

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, FlockOperation, Mode, OFlags},
    io::Errno,
};
use tokio::net::{UnixListener, UnixStream};

use crate::{DirError, Peer, PeerError, RuntimeDir};

/// Name of the socket that agents' gateways use.
pub const AGENT_SOCKET: &str = "agent.sock";
/// Name of the socket that people's programs use.
pub const ADMIN_SOCKET: &str = "admin.sock";

/// Why a socket cannot be bound or reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The folder is not private.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The other end is somebody else.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Another daemon serves this folder.
    #[error("briefcased is already running: it holds {0}; stop it first, or choose another folder")]
    AlreadyRunning(PathBuf),
    /// Something that is no socket stands in the place.
    #[error("{0} is not a socket; Briefcase will not remove it, please look at it and move it away")]
    Squatted(PathBuf),
    /// Nobody listens.
    #[error("briefcased is not running (nobody answers at {0}); start it with `briefcase up`")]
    NotRunning(PathBuf),
    /// Something else.
    #[error("cannot use the socket {path}: {source}", path = .path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A socket of ours. Holds the lock that makes it the only one, and removes itself when dropped.
#[derive(Debug)]
pub(crate) struct BoundSocket {
    pub(crate) listener: UnixListener,
    dir: RuntimeDir,
    name: &'static str,
    identity: (u64, u64),
    _lock: OwnedFd,
}

impl BoundSocket {
    /// Binds under a temporary name, narrows the mode, and moves it into place: the final name never means a socket
    /// that is not ready, not ours, or open to others.
    pub(crate) fn bind(path: &Path, name: &'static str) -> Result<Self, SocketError> {
        let dir = RuntimeDir::prepare(path)?;
        let place = path.join(name);
        let io = |source: std::io::Error| SocketError::Io { path: place.clone(), source };
        let lock = lock(&dir, name, &place)?;
        clear_stale(&dir, name, &place)?;
        let temporary = format!("{name}.new");
        if dir.look(&temporary).map_err(io)?.is_some() {
            rustix::fs::unlinkat(dir.handle(), &temporary, AtFlags::empty()).map_err(|errno| io(errno.into()))?;
        }
        let listener = UnixListener::bind(dir.inside(&temporary)).map_err(io)?;
        rustix::fs::chmodat(dir.handle(), &temporary, Mode::RUSR | Mode::WUSR, AtFlags::empty())
            .map_err(|errno| io(errno.into()))?;
        let found = dir.look(&temporary).map_err(io)?;
        let Some((FileType::Socket, identity)) = found else { return Err(SocketError::Squatted(place)) };
        rustix::fs::renameat(dir.handle(), &temporary, dir.handle(), name).map_err(|errno| io(errno.into()))?;
        match dir.look(name).map_err(io)? {
            Some((FileType::Socket, now)) if now == identity => Ok(Self { listener, dir, name, identity, _lock: lock }),
            _ => Err(SocketError::Squatted(place)),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join(self.name)
    }
}

impl Drop for BoundSocket {
    fn drop(&mut self) {
        if let Ok(Some((FileType::Socket, identity))) = self.dir.look(self.name)
            && identity == self.identity
        {
            let _ = rustix::fs::unlinkat(self.dir.handle(), self.name, AtFlags::empty());
        }
    }
}

/// Connects to the socket at `path`, whose folder must be private, and checks who serves it.
pub async fn connect(path: &Path) -> Result<(UnixStream, Peer), SocketError> {
    let not_running = || SocketError::NotRunning(path.to_owned());
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(not_running());
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let dir = match RuntimeDir::open(folder) {
        Err(DirError::Missing(_)) => return Err(not_running()),
        dir => dir?,
    };
    let stream = UnixStream::connect(dir.inside(name)).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => not_running(),
        _ => SocketError::Io { path: path.to_owned(), source },
    })?;
    let peer = Peer::of(&stream)?;
    Ok((stream, peer))
}

/// Takes the lock next to the socket. It ends with the process, however that ends.
fn lock(dir: &RuntimeDir, name: &str, place: &Path) -> Result<OwnedFd, SocketError> {
    let io = |errno: Errno| SocketError::Io { path: place.to_owned(), source: errno.into() };
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = match rustix::fs::openat(dir.handle(), format!("{name}.lock"), flags, Mode::RUSR | Mode::WUSR) {
        Err(Errno::LOOP) => return Err(SocketError::Squatted(place.with_extension("sock.lock"))),
        file => file.map_err(io)?,
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(SocketError::AlreadyRunning(place.to_owned())),
        Err(errno) => Err(io(errno)),
    }
}

/// Makes sure that what stands in the place may be replaced: nothing, or a socket at which nobody listens.
fn clear_stale(dir: &RuntimeDir, name: &str, place: &Path) -> Result<(), SocketError> {
    match dir.look(name).map_err(|source| SocketError::Io { path: place.to_owned(), source })? {
        None => Ok(()),
        Some((FileType::Socket, _)) => match std::os::unix::net::UnixStream::connect(dir.inside(name)) {
            Ok(_) => Err(SocketError::AlreadyRunning(place.to_owned())),
            Err(_) => Ok(()),
        },
        Some(_) => Err(SocketError::Squatted(place.to_owned())),
    }
}
