//! The process at the other end of a connection.

use std::os::fd::{AsFd, OwnedFd};

use tokio::net::UnixStream;

/// The process at the other end, as the kernel recorded it at connect time.
#[derive(Debug)]
pub struct Peer {
    uid: u32,
    pid: Option<i32>,
    process: Option<OwnedFd>,
}

/// The process at the other end was rejected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The process belongs to another user.
    #[error("the process at the other end runs as user {found}, not as user {expected}")]
    User {
        /// The user of the other process.
        found: u32,
        /// This process's user.
        expected: u32,
    },
    /// The kernel did not report the user.
    #[error("cannot determine the user at the other end: {0}")]
    Unknown(#[from] std::io::Error),
}

impl Peer {
    /// Asks the kernel for the peer. Rejects every user but this process's own, root included.
    pub fn of(stream: &UnixStream) -> Result<Self, PeerError> {
        let expected = rustix::process::geteuid().as_raw();
        let credentials = stream.peer_cred()?;
        let found = credentials.uid();
        if found != expected {
            return Err(PeerError::User { found, expected });
        }
        Ok(Self { uid: found, pid: credentials.pid(), process: pidfd(stream) })
    }

    /// Returns the peer's user id.
    #[must_use]
    pub const fn uid(&self) -> u32 {
        self.uid
    }

    /// Returns the process id at connect time, for logs. Ids are reused; [`Peer::is_alive`] is safe against reuse.
    #[must_use]
    pub const fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// Returns whether the connected process still runs; `None` where the kernel gives no handle for it.
    #[must_use]
    pub fn is_alive(&self) -> Option<bool> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let process = self.process.as_ref()?;
        let mut fds = [PollFd::new(process, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).ok().map(|ended| ended == 0)
    }
}

/// Opens a handle on the process that never comes to mean another process (Linux 6.5).
#[cfg(target_os = "linux")]
fn pidfd(stream: &UnixStream) -> Option<OwnedFd> {
    nix::sys::socket::getsockopt(&stream.as_fd(), nix::sys::socket::sockopt::PeerPidfd).ok()
}

#[cfg(not(target_os = "linux"))]
fn pidfd(_: &UnixStream) -> Option<OwnedFd> {
    None
}
