//! The messages of one stream: those that wait for delivery, and delivered ones that can be sent again.
//!
//! The daemon's messages are pushed on one side. On the other side an HTTP response reads them. It may break off, and a
//! later response continues at the same place. All memory is bounded.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use briefcase_mcp::MessageKind;
use bytes::Bytes;

/// The limit of undelivered bytes. Above it the stream ends.
const WAITING_BYTES: usize = 12 * 1024 * 1024;
/// The limits of delivered messages that a resumable stream keeps.
const KEPT_BYTES: usize = 256 * 1024;
const KEPT_MESSAGES: usize = 128;

/// A message in a stream.
#[derive(Clone, Debug)]
pub(super) struct BufferedEvent {
    /// The message's number in the stream, from 1.
    pub(super) number: u64,
    pub(super) kind: MessageKind,
    pub(super) message: Bytes,
}

/// The retention of a stream's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retention {
    /// Each message is delivered once. The stream ends with the response.
    Once,
    /// Recent messages can be sent again. The stream ends with the response.
    Recent,
    /// Recent messages can be sent again, and the stream has no end. Without a reader the oldest are dropped.
    General,
}

/// The event buffer of one stream.
#[derive(Debug)]
pub(super) struct EventBuffer {
    stream: u64,
    retention: Retention,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    log: VecDeque<BufferedEvent>,
    bytes: usize,
    last: u64,
    delivered: u64,
    reader: u64,
    ended: bool,
    waker: Option<Waker>,
}

/// A reader at some place of a buffer. A new reader ends the previous one.
#[derive(Debug)]
pub(super) struct EventReader {
    buffer: Arc<EventBuffer>,
    number: u64,
    reader: u64,
}

impl EventBuffer {
    pub(super) fn new(stream: u64, retention: Retention) -> Arc<Self> {
        Arc::new(Self { stream, retention, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream's number, the first part of its event ids.
    pub(super) const fn stream(&self) -> u64 {
        self.stream
    }

    /// Appends a message. Returns `false` when the stream has ended, or ends now because no reader keeps up.
    pub(super) fn push(&self, message: Bytes, kind: MessageKind) -> bool {
        let mut state = self.state();
        if state.ended {
            return false;
        }
        state.last += 1;
        state.bytes = state.bytes.saturating_add(message.len());
        let number = state.last;
        state.log.push_back(BufferedEvent { number, kind, message });
        state.ended = kind.is_response() && self.retention != Retention::General;
        let fits = state.trim(self.retention);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        fits
    }

    /// The number of bytes kept for later readers.
    pub(super) fn bytes(&self) -> usize {
        self.state().bytes
    }

    /// Ends the stream. Queued messages are still delivered.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        if let Some(waker) = state.waker.take() {
            drop(state);
            waker.wake();
        }
    }

    /// Starts reading after message `after`, or where the previous reader stopped.
    pub(super) fn read(self: &Arc<Self>, after: Option<u64>) -> EventReader {
        let mut state = self.state();
        state.reader += 1;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        let number = after.unwrap_or(state.delivered);
        EventReader { buffer: Arc::clone(self), number, reader: state.reader }
    }
}

impl State {
    /// The message after `number`, for the current reader.
    fn at(&mut self, reader: u64, number: u64, context: &Context<'_>) -> Poll<Option<BufferedEvent>> {
        if self.reader != reader {
            return Poll::Ready(None);
        }
        let first = self.log.front().map_or(0, |entry| entry.number);
        let skip = number.saturating_add(1).saturating_sub(first);
        match usize::try_from(skip).ok().and_then(|skip| self.log.get(skip)) {
            Some(entry) => Poll::Ready(Some(entry.clone())),
            None if self.ended => Poll::Ready(None),
            None => {
                self.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Drops messages that need not be kept. Returns `false` when too much is queued, which ends the stream.
    fn trim(&mut self, retention: Retention) -> bool {
        while let Some(first) = self.log.front() {
            let size = first.message.len();
            let over = self.bytes > KEPT_BYTES || self.log.len() > KEPT_MESSAGES;
            let droppable = first.number <= self.delivered || retention == Retention::General;
            if !(droppable && over || retention == Retention::Once && first.number <= self.delivered) {
                break;
            }
            self.bytes = self.bytes.saturating_sub(size);
            self.log.pop_front();
        }
        if self.bytes <= WAITING_BYTES {
            return true;
        }
        self.log.clear();
        self.bytes = 0;
        self.ended = true;
        false
    }
}

impl EventReader {
    pub(super) fn buffer(&self) -> &EventBuffer {
        &self.buffer
    }

    /// Returns the next message; `None` at the end of the stream, or when another reader started.
    pub(super) fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<BufferedEvent>> {
        let mut state = self.buffer.state();
        let next = state.at(self.reader, self.number, context);
        if let Poll::Ready(Some(entry)) = &next {
            self.number = entry.number;
            state.delivered = state.delivered.max(entry.number);
            state.trim(self.buffer.retention);
        }
        next
    }

    pub(super) async fn next(&mut self) -> Option<BufferedEvent> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// Waits for the next message and returns its kind, without consuming it.
    pub(super) async fn peek(&mut self) -> Option<MessageKind> {
        poll_fn(|context| self.buffer.state().at(self.reader, self.number, context)).await.map(|entry| entry.kind)
    }

    /// The number of the last message read.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(reader: &mut EventReader) -> Vec<(u64, Bytes)> {
        let context = Context::from_waker(Waker::noop());
        let mut taken = Vec::new();
        while let Poll::Ready(Some(entry)) = reader.poll_next(&context) {
            taken.push((entry.number, entry.message));
        }
        taken
    }

    fn is_over(reader: &mut EventReader) -> bool {
        matches!(reader.poll_next(&Context::from_waker(Waker::noop())), Poll::Ready(None))
    }

    #[test]
    fn a_resuming_reader_gets_missed_messages_once() {
        let buffer = EventBuffer::new(4, Retention::Recent);
        let mut first = buffer.read(None);
        for text in ["a", "b", "c"] {
            buffer.push(text.into(), MessageKind::RequestOrNotification);
        }
        assert_eq!(take(&mut first).len(), 3);
        buffer.push("d".into(), MessageKind::Result);
        let mut again = buffer.read(Some(1));
        assert_eq!(take(&mut again), [(2, "b".into()), (3, "c".into()), (4, "d".into())]);
        assert!(is_over(&mut again) && is_over(&mut first));
        assert!(!buffer.push("late".into(), MessageKind::RequestOrNotification));
    }

    #[test]
    fn unread_messages_are_bounded() {
        let big = Bytes::from(vec![b'x'; 1 << 20]);
        let request = EventBuffer::new(1, Retention::Once);
        let accepted = (0..100).take_while(|_| request.push(big.clone(), MessageKind::RequestOrNotification)).count();
        assert!(accepted <= 12, "{accepted}");
        let general = EventBuffer::new(0, Retention::General);
        for _ in 0..10_000 {
            assert!(general.push("n".into(), MessageKind::RequestOrNotification));
        }
        let waiting = take(&mut general.read(None));
        assert_eq!((waiting.len(), waiting.last().unwrap().0), (KEPT_MESSAGES, 10_000));
    }

    #[test]
    fn delivered_messages_are_kept_within_limits() {
        let buffer = EventBuffer::new(1, Retention::Recent);
        let mut reader = buffer.read(None);
        for _ in 0..1000 {
            buffer.push(Bytes::from(vec![b'x'; 1000]), MessageKind::RequestOrNotification);
            take(&mut reader);
        }
        assert_eq!(take(&mut buffer.read(Some(0))).len(), KEPT_MESSAGES);
        let once = EventBuffer::new(1, Retention::Once);
        let mut reader = once.read(None);
        once.push("x".into(), MessageKind::RequestOrNotification);
        take(&mut reader);
        assert!(take(&mut once.read(Some(0))).is_empty());
    }
}
