//! Standard input and output without a thread per read.
//!
//! A client starts its servers with pipes or sockets as standard streams. Both support asynchronous I/O. Terminals and
//! files do not, and use a helper thread.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::fs::FileType;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{UnixStream, unix::pipe},
};

/// Standard input.
pub(super) struct Input(Box<dyn AsyncRead + Send + Unpin>);

/// Standard output.
pub(super) struct Output(Box<dyn AsyncWrite + Send + Unpin>);

impl Input {
    pub(super) fn open() -> io::Result<Self> {
        let (kind, stream) = own(rustix::stdio::stdin())?;
        Ok(Self(match kind {
            FileType::Fifo => Box::new(pipe::Receiver::from_owned_fd(stream)?),
            FileType::Socket => Box::new(socket(stream)?),
            _ => Box::new(tokio::io::stdin()),
        }))
    }

    /// Reads some bytes; 0 at the end. Cancel safe.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).await
    }
}

impl Output {
    pub(super) fn open() -> io::Result<Self> {
        let (kind, stream) = own(rustix::stdio::stdout())?;
        Ok(Self(match kind {
            FileType::Fifo => Box::new(pipe::Sender::from_owned_fd(stream)?),
            FileType::Socket => Box::new(socket(stream)?),
            _ => Box::new(tokio::io::stdout()),
        }))
    }

    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }
}

fn own(stream: BorrowedFd<'_>) -> io::Result<(FileType, OwnedFd)> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(stream)?.st_mode);
    Ok((kind, stream.try_clone_to_owned()?))
}

fn socket(stream: OwnedFd) -> io::Result<UnixStream> {
    let stream = std::os::unix::net::UnixStream::from(stream);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}
