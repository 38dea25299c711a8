//! A legacy session: its streams, and the routing of messages to them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use briefcase_ipc::ChannelId;
use briefcase_mcp::{Envelope, MessageKind, RequestId};
use bytes::Bytes;

use super::event_buffer::{EventBuffer, Retention};
use crate::{daemon::Unavailable, handshake::Handshake};

/// The maximum number of sessions per agent.
pub(super) const SESSIONS: usize = 256;
/// The time after which an unused session expires. A connected stream counts as use.
const EXPIRY: Duration = Duration::from_secs(30 * 60);
/// The idle time after which a session may be ended in favour of a new one.
const IDLE: Duration = Duration::from_secs(60);
/// The maximum number of finished requests whose streams can be resumed.
const FINISHED: usize = 16;
/// The maximum bytes of those streams.
const FINISHED_BYTES: usize = 4 * 1024 * 1024;
/// The first version whose clients understand an event without data.
const PRIMING_SINCE: &str = "2025-11-25";

/// One session.
#[derive(Debug)]
pub(super) struct HttpSession {
    id: String,
    /// The channel of the present connection to the daemon.
    channel: AtomicU32,
    general: Arc<EventBuffer>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    last_stream: u64,
    open: HashMap<RequestId, Arc<EventBuffer>>,
    finished: VecDeque<Arc<EventBuffer>>,
    version: Option<String>,
    handshake: Option<Handshake>,
    used: Instant,
    streams: usize,
}

/// A connected stream. It keeps its session from expiring.
#[derive(Debug)]
pub(super) struct ConnectedStream(Arc<HttpSession>);

impl HttpSession {
    pub(super) fn new(id: String, channel: ChannelId) -> Self {
        let inner = Inner {
            last_stream: 0,
            open: HashMap::new(),
            finished: VecDeque::new(),
            version: None,
            handshake: None,
            used: Instant::now(),
            streams: 0,
        };
        Self {
            id,
            channel: AtomicU32::new(channel.0),
            general: EventBuffer::new(0, Retention::General),
            inner: Mutex::new(inner),
        }
    }

    /// Selects the session to end before a new one starts. Returns `None` below the limit, and `Some(None)` when all
    /// sessions are in use.
    pub(super) fn to_make_room<'a>(
        sessions: impl ExactSizeIterator<Item = &'a Arc<Self>>,
    ) -> Option<Option<ChannelId>> {
        if sessions.len() < SESSIONS {
            return None;
        }
        let oldest = sessions.filter(|session| session.unused() > IDLE).max_by_key(|session| session.unused());
        Some(oldest.map(|session| session.channel()))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn channel(&self) -> ChannelId {
        ChannelId(self.channel.load(Ordering::Acquire))
    }

    /// Moves the session to a channel of another connection.
    pub(super) fn move_to(&self, channel: ChannelId) {
        self.channel.store(channel.0, Ordering::Release);
    }

    /// Records the client's `initialize`.
    pub(super) fn begin_handshake(&self, initialize: Envelope) {
        self.inner().handshake = Some(Handshake::begin(initialize));
    }

    /// Records the client's `notifications/initialized`.
    pub(super) fn confirm_handshake(&self, notification: &Bytes) {
        if let Some(handshake) = &mut self.inner().handshake {
            handshake.confirmed(notification);
        }
    }

    /// Reads the handshake, if the session can continue on another connection.
    pub(super) fn with_handshake<R>(&self, read: impl FnOnce(&Handshake) -> R) -> Option<R> {
        self.inner().handshake.as_ref().filter(|handshake| handshake.is_complete()).map(read)
    }

    pub(super) fn unused(&self) -> Duration {
        let inner = self.inner();
        if inner.streams > 0 || !inner.open.is_empty() { Duration::ZERO } else { inner.used.elapsed() }
    }

    pub(super) fn is_expired(&self) -> bool {
        self.unused() > EXPIRY
    }

    /// Records the use of the session, and the protocol version of the request.
    pub(super) fn touch(&self, version: Option<&str>) {
        let mut inner = self.inner();
        inner.used = Instant::now();
        if let Some(version) = version {
            inner.version = Some(version.to_owned());
        }
    }

    /// Whether the client understands an event without data.
    pub(super) fn knows_priming(&self) -> bool {
        self.inner().version.as_deref().is_some_and(|version| version >= PRIMING_SINCE)
    }

    pub(super) fn connected(self: &Arc<Self>) -> ConnectedStream {
        self.inner().streams += 1;
        ConnectedStream(Arc::clone(self))
    }

    /// The stream for messages that belong to no request.
    pub(super) const fn general(&self) -> &Arc<EventBuffer> {
        &self.general
    }

    /// Makes a stream for a request; `None` when a request with this id is open.
    pub(super) fn begin(&self, request: &RequestId) -> Option<Arc<EventBuffer>> {
        let mut inner = self.inner();
        if inner.open.contains_key(request) {
            return None;
        }
        inner.last_stream += 1;
        let buffer = EventBuffer::new(inner.last_stream, Retention::Recent);
        inner.open.insert(request.detached(), Arc::clone(&buffer));
        Some(buffer)
    }

    /// Removes a request that could not be sent.
    pub(super) fn withdraw(&self, request: &RequestId) {
        self.inner().open.remove(request);
    }

    /// Ends the stream of a cancelled request. A late response is dropped.
    pub(super) fn cancelled(&self, request: &RequestId) {
        let buffer = self.inner().open.remove(request);
        buffer.into_iter().for_each(|buffer| buffer.end());
    }

    /// The stream that an event id names.
    pub(super) fn stream(&self, number: u64) -> Option<Arc<EventBuffer>> {
        if number == 0 {
            return Some(Arc::clone(&self.general));
        }
        let inner = self.inner();
        let all = inner.open.values().chain(&inner.finished);
        all.into_iter().find(|buffer| buffer.stream() == number).map(Arc::clone)
    }

    /// Routes a message of the daemon to its stream.
    pub(super) fn deliver(&self, related: Option<&RequestId>, kind: MessageKind, json: Bytes) {
        let mut inner = self.inner();
        if let Some(id) = related.filter(|_| kind.is_response())
            && let Some(handshake) = inner.handshake.as_mut().filter(|handshake| handshake.waits_for(id))
        {
            handshake.answered(&json);
        }
        let buffer = match related {
            Some(id) if kind.is_response() => inner.finish(id),
            Some(id) => inner.open.get(id).cloned(),
            None => None,
        };
        drop(inner);
        match buffer {
            Some(buffer) => {
                buffer.push(json, kind);
            }
            // A response without an open request is dropped. Other messages go to the general stream.
            None if !kind.is_response() => {
                self.general.push(json, kind);
            }
            None => {}
        }
    }

    /// Answers the open requests with an error. The daemon is gone, and the requests may have taken effect.
    pub(super) fn interrupt(&self) {
        let open: Vec<_> = self.inner().open.keys().map(RequestId::detached).collect();
        for id in open {
            let answer = Unavailable::lost_in_flight().answer(Some(&id));
            self.deliver(Some(&id), MessageKind::peek(&answer), answer);
        }
    }

    /// Ends all streams.
    pub(super) fn end(&self) {
        self.interrupt();
        self.general.end();
    }
}

impl Inner {
    /// Moves a request's stream to the finished ones, which can only be resumed.
    fn finish(&mut self, request: &RequestId) -> Option<Arc<EventBuffer>> {
        let buffer = self.open.remove(request)?;
        let kept = |finished: &VecDeque<Arc<EventBuffer>>| finished.iter().map(|buffer| buffer.bytes()).sum::<usize>();
        while self.finished.len() >= FINISHED || kept(&self.finished) > FINISHED_BYTES {
            self.finished.pop_front();
        }
        self.finished.push_back(Arc::clone(&buffer));
        Some(buffer)
    }
}

impl Drop for ConnectedStream {
    fn drop(&mut self) {
        let mut inner = self.0.inner();
        inner.streams = inner.streams.saturating_sub(1);
        inner.used = Instant::now();
    }
}
