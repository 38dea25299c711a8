//! Server-sent events out of a body.

use std::collections::VecDeque;

use briefcase_egress::{EgressError, ResponseBody};
use briefcase_mcp::{SseDecoder, SseEvent, SseLimits};
use briefcase_ports::UpstreamFailure;
use futures_util::FutureExt;

use super::egress;
use crate::related::Failure;

/// One event stream.
pub(crate) struct Events {
    body: ResponseBody,
    decoder: SseDecoder,
    ready: VecDeque<SseEvent>,
}

/// Why the events end.
pub(crate) enum Stop {
    /// The body ended or broke off: the stream may be resumed.
    Ended,
    /// It must not be followed further.
    Failed(Failure),
}

impl Events {
    pub(crate) fn new(body: ResponseBody, longest: usize) -> Self {
        let limits = SseLimits { line: longest.saturating_add(64), event: longest };
        Self { body, decoder: SseDecoder::new(limits), ready: VecDeque::new() }
    }

    pub(crate) async fn next(&mut self) -> Result<SseEvent, Stop> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let chunk = match self.body.next().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) | Err(EgressError::Connection(_)) => return Err(Stop::Ended),
                Err(error) => return Err(Stop::Failed(egress(&error))),
            };
            let mut events = Vec::new();
            let pushed = self.decoder.push(&chunk, &mut events);
            pushed.map_err(|_| Stop::Failed(UpstreamFailure::Protocol("event_stream").into()))?;
            self.ready.extend(events);
        }
    }

    pub(crate) fn last_event_id(&self) -> Option<String> {
        self.decoder.last_event_id().map(str::to_owned)
    }

    pub(crate) const fn retry(&self) -> Option<u64> {
        self.decoder.retry()
    }

    /// Lets the connection be used again: reads what is left when that is its end, and gives up on it otherwise.
    pub(crate) fn finish(mut self) {
        if matches!(self.body.next().now_or_never(), Some(Ok(None) | Err(_))) {
            return;
        }
        tokio::spawn(async move {
            let rest = async { while let Ok(Some(_)) = self.body.next().await {} };
            let _late = tokio::time::timeout(std::time::Duration::from_millis(500), rest).await;
        });
    }
}
