//! The server-sent events of a response body.

use std::collections::VecDeque;

use briefcase_egress::{EgressError, ResponseBody};
use briefcase_mcp::{SseDecoder, SseEvent, SseLimits};
use futures_util::FutureExt;

use super::http_client::egress_failure;
use crate::failure::{TransportFailure, protocol};

/// One event stream. An event beyond the limit is read to its end and dropped.
pub(crate) struct SseStream {
    body: ResponseBody,
    decoder: SseDecoder,
    ready: VecDeque<SseEvent>,
}

/// Why no more events come.
pub(crate) enum StreamEnd {
    /// The body ended or the connection broke. The stream may be resumed.
    Ended,
    /// The stream failed and must not be resumed.
    Failed(TransportFailure),
}

impl SseStream {
    pub(crate) fn new(body: ResponseBody, max_event_len: usize) -> Self {
        let limits = SseLimits { line: max_event_len.saturating_add(64), event: max_event_len, drop_long: true };
        Self { body, decoder: SseDecoder::new(limits), ready: VecDeque::new() }
    }

    pub(crate) async fn next(&mut self) -> Result<SseEvent, StreamEnd> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let chunk = match self.body.next().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) | Err(EgressError::Connection(_)) => {
                    return self.decoder.finish().ok_or(StreamEnd::Ended);
                }
                Err(error) => return Err(StreamEnd::Failed(egress_failure(&error))),
            };
            let mut events = Vec::new();
            let pushed = self.decoder.push(&chunk, &mut events);
            pushed.map_err(|_| StreamEnd::Failed(protocol("event_stream")))?;
            self.ready.extend(events);
        }
    }

    pub(crate) fn last_event_id(&self) -> Option<String> {
        self.decoder.last_event_id().map(str::to_owned)
    }

    pub(crate) const fn retry(&self) -> Option<u64> {
        self.decoder.retry()
    }

    /// Frees the connection for the next request: reads a body that is about to end, and abandons any other.
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
