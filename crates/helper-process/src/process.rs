//! One running helper and the conversation with it.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use briefcase_helper_protocol::{DESCRIPTORS_MAX, HEADER, HelperHello, PROTOCOL, encode, payload_length};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, socketpair,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, Interest},
    net::UnixStream,
    process::{Child, Command},
    time::{Instant, timeout, timeout_at},
};
use zeroize::Zeroizing;

use crate::{HelperError, Spawner};

/// The time in which a helper that closed its socket has to end, so that its status can be reported.
const ENDING: Duration = Duration::from_millis(500);

/// A helper program: its file, and its expected hello.
#[derive(Clone, Debug)]
pub struct HelperProgram {
    /// The program's name in its hello.
    pub name: &'static str,
    /// The program's version in its hello.
    pub version: &'static str,
    /// The program's file.
    pub path: PathBuf,
}

/// A running helper after its hello. Dropping the value kills the helper.
#[derive(Debug)]
pub struct HelperProcess {
    name: &'static str,
    child: Child,
    socket: UnixStream,
    /// The thread whose end would kill the helper.
    spawner: Spawner,
}

/// The deadline for waits on a helper. One value may bound several waits together.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    after: Duration,
}

impl Deadline {
    /// Returns the deadline after this time from now.
    #[must_use]
    pub fn within(after: Duration) -> Self {
        Self { at: Instant::now() + after, after }
    }
}

impl HelperProcess {
    /// Starts the helper and waits for its hello.
    pub async fn start(spawner: &Spawner, program: &HelperProgram, deadline: Deadline) -> Result<Self, HelperError> {
        let HelperProgram { name, version, path } = program;
        let not_started = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => HelperError::Missing(path.clone()),
            _ => HelperError::NotStarted { path: path.clone(), error },
        };
        let (ours, theirs) = socket_pair().map_err(not_started)?;
        let mut command = Command::new(path);
        command.env_clear().stdin(theirs).stdout(Stdio::null()).stderr(Stdio::inherit());
        let child = spawner.spawn(command).await.map_err(not_started)?;
        let mut helper = Self { name, child, socket: ours, spawner: spawner.clone() };
        let found: HelperHello = helper.receive(deadline).await?;
        if (found.protocol, &*found.helper, &*found.version) != (PROTOCOL, *name, *version) {
            return Err(HelperError::VersionMismatch { name, expected: version, found: Box::new(found) });
        }
        Ok(helper)
    }

    /// Sends a request and the descriptors that belong to it.
    pub async fn send(
        &mut self,
        message: &impl Serialize,
        descriptors: &[BorrowedFd<'_>],
        deadline: Deadline,
    ) -> Result<(), HelperError> {
        let mut frame = Zeroizing::new(Vec::new());
        encode(message, &mut frame).map_err(|error| self.protocol(&error.to_string()))?;
        if descriptors.len() > DESCRIPTORS_MAX {
            return Err(self.protocol("too many descriptors"));
        }
        let sent = timeout_at(deadline.at, write(&mut self.socket, &frame, descriptors)).await;
        match sent {
            Err(_) => Err(self.too_late(deadline)),
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.crashed().await),
        }
    }

    /// Waits for a message. A socket that closes here is a crash.
    pub async fn receive<T: DeserializeOwned>(&mut self, deadline: Deadline) -> Result<T, HelperError> {
        match self.receive_or_end(deadline).await? {
            Some(message) => Ok(message),
            None => Err(self.crashed().await),
        }
    }

    /// Waits for a message, or for the end of the conversation where the request allows that.
    pub async fn receive_or_end<T: DeserializeOwned>(&mut self, deadline: Deadline) -> Result<Option<T>, HelperError> {
        let read = timeout_at(deadline.at, read(&mut self.socket)).await;
        match read {
            Err(_) => Err(self.too_late(deadline)),
            Ok(Ok(None)) => Ok(None),
            Ok(Ok(Some(payload))) => match serde_json::from_slice(&payload) {
                Ok(message) => Ok(Some(message)),
                Err(_) => Err(self.protocol("a message has a wrong form")),
            },
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Err(self.protocol(&error.to_string())),
            Ok(Err(_)) => Err(self.crashed().await),
        }
    }

    /// Ends the conversation and returns the process, for a helper that becomes another program. The program is killed
    /// when the last clone of the spawner is dropped, so keep both.
    #[must_use]
    pub fn into_child(self) -> (Child, Spawner) {
        (self.child, self.spawner)
    }

    async fn crashed(&mut self) -> HelperError {
        let status = match timeout(ENDING, self.child.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it closed its socket and still runs".to_owned(),
        };
        HelperError::Crashed { name: self.name, status }
    }

    fn too_late(&self, deadline: Deadline) -> HelperError {
        HelperError::DeadlineExceeded { name: self.name, after: deadline.after }
    }

    fn protocol(&self, detail: &str) -> HelperError {
        HelperError::Protocol { name: self.name, detail: detail.to_owned() }
    }
}

/// Returns the daemon's end and the helper's end of a new socket pair.
fn socket_pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let ours = std::os::unix::net::UnixStream::from(ours);
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs))
}

/// Writes a frame. The descriptors travel with its first byte.
async fn write(socket: &mut UnixStream, frame: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut sent = 0;
    if !descriptors.is_empty() {
        sent = socket.async_io(Interest::WRITABLE, || send_with(socket, frame, descriptors)).await?;
    }
    socket.write_all(frame.get(sent..).unwrap_or_default()).await
}

fn send_with(socket: &UnixStream, frame: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let parts = [IoSlice::new(frame)];
    Ok(rustix::net::sendmsg(socket.as_fd(), &parts, &mut ancillary, SendFlags::NOSIGNAL)?)
}

/// Reads the payload of the next frame; `None` when the socket closed between frames.
async fn read(socket: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    let mut header = [0; HEADER];
    let first = socket.read(&mut header).await?;
    if first == 0 {
        return Ok(None);
    }
    socket.read_exact(header.get_mut(first..).unwrap_or_default()).await?;
    let length = payload_length(header).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let mut payload = vec![0; length];
    socket.read_exact(&mut payload).await?;
    Ok(Some(payload))
}
