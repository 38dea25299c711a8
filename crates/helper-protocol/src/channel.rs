//! The helper's end of the conversation.

use std::{
    io::{self, IoSliceMut, Read as _, Write as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::{
    fs::{Mode, OFlags},
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags},
    process::{Pid, Signal},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{DESCRIPTORS_MAX, HEADER, HelperFrameError, HelperHello, PROTOCOL, encode, payload_length};

/// The conversation with the daemon failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonChannelError {
    /// Standard input is not a socket of the daemon that started this program.
    #[error("briefcased starts this program; it has no use of its own")]
    NotStartedByDaemon,
    /// The daemon died.
    #[error("the daemon died")]
    DaemonDied,
    /// The socket failed.
    #[error("the socket to the daemon failed: {0}")]
    Socket(#[from] io::Error),
    /// A message has a wrong length.
    #[error(transparent)]
    Frame(#[from] HelperFrameError),
    /// A message has a wrong form. The error has no detail, because the message may contain a secret.
    #[error("a message of the daemon is malformed")]
    Malformed,
}

/// The socket to the daemon.
#[derive(Debug)]
pub struct DaemonChannel {
    socket: UnixStream,
    daemon: Pid,
}

impl DaemonChannel {
    /// Takes the socket from standard input, makes the kernel kill the helper with the daemon, and sends the hello.
    pub fn open(helper: &str, version: &str) -> Result<Self, DaemonChannelError> {
        let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).map_err(io::Error::from)?;
        let daemon =
            rustix::net::sockopt::socket_peercred(&socket).map_err(|_| DaemonChannelError::NotStartedByDaemon)?;
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)?;
        // A parent that died before the line above sends no signal.
        if rustix::process::getppid() != Some(daemon.pid) {
            return Err(DaemonChannelError::DaemonDied);
        }
        let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
        rustix::stdio::dup2_stdin(null.map_err(io::Error::from)?).map_err(io::Error::from)?;
        let mut channel = Self { socket: UnixStream::from(socket), daemon: daemon.pid };
        channel.send(&HelperHello { protocol: PROTOCOL, helper: helper.to_owned(), version: version.to_owned() })?;
        Ok(channel)
    }

    /// The daemon's process, which is this program's parent.
    #[must_use]
    pub const fn daemon(&self) -> Pid {
        self.daemon
    }

    /// Sends one message.
    pub fn send(&mut self, message: &impl Serialize) -> Result<(), DaemonChannelError> {
        let mut frame = Vec::new();
        encode(message, &mut frame)?;
        Ok(self.socket.write_all(&frame)?)
    }

    /// Receives the next request and its descriptors; `None` when the daemon has closed the socket.
    pub fn receive<T: DeserializeOwned>(&mut self) -> Result<Option<(T, Vec<OwnedFd>)>, DaemonChannelError> {
        let Some(Header { length, descriptors }) = self.header()? else { return Ok(None) };
        let mut payload = vec![0; length];
        self.socket.read_exact(&mut payload)?;
        let request = serde_json::from_slice(&payload).map_err(|_| DaemonChannelError::Malformed)?;
        Ok(Some((request, descriptors)))
    }

    fn header(&mut self) -> Result<Option<Header>, DaemonChannelError> {
        let mut header = [0; HEADER];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::io::retry_on_intr(|| {
            let mut parts = [IoSliceMut::new(&mut header)];
            rustix::net::recvmsg(self.socket.as_fd(), &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
        });
        let length = received.map_err(io::Error::from)?.bytes;
        if length == 0 {
            return Ok(None);
        }
        let mut descriptors = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        self.socket.read_exact(header.get_mut(length..).unwrap_or_default())?;
        Ok(Some(Header { length: payload_length(header)?, descriptors }))
    }
}

/// Receives the header of a frame and its descriptors.
struct Header {
    length: usize,
    descriptors: Vec<OwnedFd>,
}
