//! The standard streams of a child.
//!
//! Standard input and output are socket pairs. The kernel lets no process open a socket through `/proc/PID/fd`, so another
//! process of the same user can neither write a request into a server nor an answer out of it. Standard error is a pipe:
//! many programs open `/dev/stderr` by path, and what is written there is only a log.

use std::{
    io::{self, PipeReader, PipeWriter},
    net::Shutdown,
    os::{fd::OwnedFd, unix::net::UnixStream as StdUnixStream},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{UnixStream, unix::pipe},
};

/// Both ends of a child's standard streams.
pub(crate) struct Streams {
    pub(crate) stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub(crate) stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) stderr: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) theirs: [OwnedFd; 3],
}

impl Streams {
    /// Makes the streams; with pipes for a program that opens its standard input or output by path.
    pub(crate) fn new(pipes: bool) -> io::Result<Self> {
        let (stderr, their_stderr) = io::pipe()?;
        let stderr = Box::new(receiver(stderr)?);
        if pipes {
            let ((their_stdin, stdin), (stdout, their_stdout)) = (io::pipe()?, io::pipe()?);
            let theirs = [their_stdin.into(), their_stdout.into(), their_stderr.into()];
            return Ok(Self { stdin: Box::new(sender(stdin)?), stdout: Box::new(receiver(stdout)?), stderr, theirs });
        }
        let ((stdin, their_stdin), (stdout, their_stdout)) = (socket(Shutdown::Read)?, socket(Shutdown::Write)?);
        let theirs = [their_stdin, their_stdout, their_stderr.into()];
        Ok(Self { stdin: Box::new(stdin), stdout: Box::new(stdout), stderr, theirs })
    }
}

/// A socket pair without the direction that the stream does not have. Our end is only read and written, never received
/// from with control messages, so the kernel drops descriptors that a child passes along.
fn socket(unused: Shutdown) -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = StdUnixStream::pair()?;
    ours.shutdown(unused)?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}

fn sender(end: PipeWriter) -> io::Result<pipe::Sender> {
    pipe::Sender::from_owned_fd(end.into())
}

fn receiver(end: PipeReader) -> io::Result<pipe::Receiver> {
    pipe::Receiver::from_owned_fd(end.into())
}
