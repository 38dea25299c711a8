//! Binds sockets so that no other program can take their place, and connects only to this user's sockets.

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

/// The name of the gateways' socket.
pub const AGENT_SOCKET: &str = "agent.sock";
/// The name of the socket for the CLI and the console.
pub const ADMIN_SOCKET: &str = "admin.sock";

/// A socket cannot be bound or reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The folder is not private.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The process at the other end belongs to another user.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Another daemon serves this folder.
    #[error("briefcased is already running: it holds {0}; stop it first, or choose another folder")]
    AlreadyRunning(PathBuf),
    /// The path exists and is not a socket.
    #[error("{0} is not a socket and will not be removed; check it and move it away")]
    Squatted(PathBuf),
    /// No process listens.
    #[error("briefcased is not running (no process listens at {0}); start it with `briefcase up`")]
    NotRunning(PathBuf),
    /// Another failure.
    #[error("the socket {path} is unusable: {source}", path = .path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// A bound socket with its lock. Dropping it removes the socket.
#[derive(Debug)]
pub(crate) struct BoundSocket {
    pub(crate) listener: UnixListener,
    dir: RuntimeDir,
    name: &'static str,
    identity: (u64, u64),
    _lock: OwnedFd,
}

impl BoundSocket {
    /// Binds under a temporary name, restricts the mode, then renames. So the final name never refers to a socket that
    /// is not ready, not this daemon's, or open to other users.
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

/// Connects to the socket at `path`. Its folder must be private, and its server must run as this user.
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

/// Takes the lock next to the socket. The lock ends with the process, even after a crash.
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

/// Checks that the path may be replaced: it is free, or a socket without a listener.
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
