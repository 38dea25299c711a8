//! The event stream: which part of the state changed. Events carry no data.

use briefcase_mcp::{SseDecoder, SseEvent, SseLimits};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::ClientError;

/// The longest line and event. Those of the contract have some twenty bytes.
const LIMITS: SseLimits = SseLimits { line: 1024, event: 4096, drop_long: false };

/// A part of the state changed; read it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdminEvent {
    /// Open approval requests.
    Approvals,
    /// The authority document.
    Authority,
    /// The receipt log.
    Receipts,
}

impl AdminEvent {
    fn of(event: &SseEvent) -> Option<Self> {
        match event.event.as_deref() {
            Some("approvals") => Some(Self::Approvals),
            Some("authority") => Some(Self::Authority),
            Some("receipts") => Some(Self::Receipts),
            // A newer daemon may have more of them.
            _ => None,
        }
    }
}

/// Notifications until the daemon locks or ends. The first comes at once.
#[derive(Debug)]
pub struct AdminEvents {
    body: Incoming,
    decoder: SseDecoder,
    ready: std::collections::VecDeque<AdminEvent>,
}

impl AdminEvents {
    pub(crate) fn new(body: Incoming) -> Self {
        Self { body, decoder: SseDecoder::new(LIMITS), ready: std::collections::VecDeque::new() }
    }

    /// The next event; `None` when the stream has ended.
    ///
    /// # Errors
    /// The connection broke, or the stream is not one of events.
    pub async fn next(&mut self) -> Result<Option<AdminEvent>, ClientError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame = frame.map_err(|error| ClientError::Connection(error.to_string()))?;
            let Ok(bytes) = frame.into_data() else { continue };
            let mut events = Vec::new();
            let decoded = self.decoder.push(&bytes, &mut events);
            self.ready.extend(events.iter().filter_map(AdminEvent::of));
            decoded.map_err(|error| ClientError::Connection(error.to_string()))?;
        }
    }
}
