//! A response with server-sent events.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use briefcase_mcp::{write_comment, write_event, write_retry};
use bytes::{Bytes, BytesMut};
use http_body::Frame;
use tokio::time::{Instant, Sleep};

use crate::daemon::Unavailable;

use super::{
    agent_connection::CancelGuard,
    event_buffer::{BufferedEvent, EventReader},
    limits::LimitPermit,
    session::ConnectedStream,
};

/// The interval of comments that keep a silent stream open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The size of a chunk.
const CHUNK_BYTES: usize = 64 * 1024;
/// The reconnection delay for clients.
const RETRY_MILLIS: u32 = 1000;

/// The events of one buffer as a response body.
pub(super) struct EventStream {
    reader: EventReader,
    /// Whether events have ids, so that a client can resume.
    resumable: bool,
    opening: BytesMut,
    quiet: Pin<Box<Sleep>>,
    /// Cancels the request at the daemon when the client closes the stream early.
    cancel: Option<CancelGuard>,
    _connected: Option<ConnectedStream>,
    _ticket: LimitPermit,
}

impl EventStream {
    /// Makes a resumable stream. With `priming`, the client understands an event without data.
    pub(super) fn resumable(
        reader: EventReader,
        priming: bool,
        connected: ConnectedStream,
        permit: LimitPermit,
    ) -> Self {
        let mut opening = BytesMut::new();
        if priming {
            write_retry(&mut opening, RETRY_MILLIS);
            write_event(&mut opening, Some(&event_id(&reader, reader.number())), b"");
        } else {
            write_comment(&mut opening);
        }
        Self { _connected: Some(connected), ..Self::new(reader, true, opening, None, permit) }
    }

    /// Makes a stream that cancels its request when closed.
    pub(super) fn once(reader: EventReader, cancel: CancelGuard, permit: LimitPermit) -> Self {
        Self::new(reader, false, BytesMut::new(), Some(cancel), permit)
    }

    fn new(
        reader: EventReader,
        resumable: bool,
        opening: BytesMut,
        cancel: Option<CancelGuard>,
        permit: LimitPermit,
    ) -> Self {
        let quiet = Box::pin(tokio::time::sleep(KEEP_ALIVE));
        Self { reader, resumable, opening, quiet, cancel, _connected: None, _ticket: permit }
    }

    /// Ends the stream. If its request has no response yet, an error response is sent.
    fn lost(&mut self, out: &mut BytesMut) {
        if let Some(cancel) = self.cancel.take().filter(CancelGuard::is_needed) {
            write_event(out, None, &Unavailable::lost_in_flight().answer(Some(cancel.request())));
        }
    }

    fn push(&mut self, out: &mut BytesMut, entry: &BufferedEvent) {
        let id = self.resumable.then(|| event_id(&self.reader, entry.number));
        write_event(out, id.as_deref(), &entry.message);
        if entry.kind.is_response()
            && let Some(cancel) = &mut self.cancel
        {
            cancel.not_needed();
        }
    }
}

/// The event id `stream-number`: unique in a session, and enough to resume the stream.
fn event_id(reader: &EventReader, number: u64) -> String {
    format!("{}-{number}", reader.buffer().stream())
}

/// Reads the output of [`event_id`].
pub(super) fn parse_event_id(id: &str) -> Option<(u64, u64)> {
    let (stream, number) = id.split_once('-')?;
    Some((stream.parse().ok()?, number.parse().ok()?))
}

impl http_body::Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let mut out = std::mem::take(&mut this.opening);
        let mut over = false;
        while out.len() < CHUNK_BYTES && !over {
            match this.reader.poll_next(context) {
                Poll::Ready(Some(entry)) => this.push(&mut out, &entry),
                Poll::Ready(None) => {
                    this.lost(&mut out);
                    over = true;
                }
                Poll::Pending => break,
            }
        }
        if out.is_empty() && over {
            return Poll::Ready(None);
        }
        if out.is_empty() {
            if this.quiet.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            write_comment(&mut out);
        }
        this.quiet.as_mut().reset(Instant::now() + KEEP_ALIVE);
        if this.quiet.as_mut().poll(context).is_ready() {
            context.waker().wake_by_ref();
        }
        Poll::Ready(Some(Ok(Frame::data(out.freeze()))))
    }
}
