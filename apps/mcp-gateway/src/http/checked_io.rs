//! A connection with timeouts and a strict framing check.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

use super::framing::{Framing, FramingError};

/// The time limit for the first request head to start, and for any head to arrive completely.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit for any activity between requests. Event streams write every 15 seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// The time limit for the client to read some bytes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// The framing state of a connection, shared with its request handler.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedFraming(Arc<Mutex<Framing>>);

/// A stream whose bytes are checked and whose waits have timeouts.
pub(super) struct CheckedIo {
    stream: TcpStream,
    framing: SharedFraming,
    head_since: Instant,
    active: Instant,
    timer: Pin<Box<Sleep>>,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl SharedFraming {
    fn framing(&self) -> MutexGuard<'_, Framing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Declares the length of the body of the request that was just parsed.
    pub(super) fn declared(&self, length: u64) -> Result<(), FramingError> {
        self.framing().declared(length)
    }
}

impl CheckedIo {
    pub(super) fn new(stream: TcpStream) -> (Self, SharedFraming) {
        let (framing, now) = (SharedFraming::default(), Instant::now());
        let timer = Box::pin(tokio::time::sleep_until(now + HEAD_TIMEOUT));
        let shared = framing.clone();
        (Self { stream, framing, head_since: now, active: now, timer, stalled: None }, shared)
    }

    /// The time at which waiting for bytes ends.
    fn deadline(&self) -> Instant {
        let framing = self.framing.framing();
        if framing.inside_head() || !framing.has_had_request() {
            self.head_since + HEAD_TIMEOUT
        } else {
            self.active + IDLE_TIMEOUT
        }
    }

    /// Completes at the deadline. The timer is moved only when needed: it may fire early and is set again.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline();
        if deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
        }
        loop {
            ready!(self.timer.as_mut().poll(context));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(deadline);
        }
    }

    /// Checks received bytes. A violation ends the connection, with a 400 response if possible.
    fn check_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.active = Instant::now();
        let mut framing = self.framing.framing();
        let was_inside = framing.inside_head();
        let checked = framing.received(bytes);
        if !was_inside && framing.inside_head() && framing.has_had_request() {
            self.head_since = self.active;
        }
        drop(framing);
        checked.map_err(|violation| {
            let _ = self.stream.try_write(BAD_REQUEST);
            io::Error::new(io::ErrorKind::InvalidData, violation)
        })
    }

    /// Tracks whether the client reads what is written.
    fn poll_written(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            self.active = Instant::now();
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_TIMEOUT)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for CheckedIo {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(this.check_bytes(buffer.filled().get(before..).unwrap_or_default())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(this.poll_deadline(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncWrite for CheckedIo {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.poll_written(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.poll_written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
