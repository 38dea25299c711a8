//! Messages on event streams, and the legacy stream for messages outside of requests.

use std::{sync::Arc, time::Duration};

use briefcase_mcp::{DroppedMessage, Envelope, EnvelopeKind, RequestId, SseEvent, without_framing};
use briefcase_ports::UpstreamFailure;
use briefcase_types::Era;

use super::{
    StreamableHttp,
    post::pause,
    reply::{TakenEvent, answers, reply_to},
};
use crate::{
    failure::{TransportFailure, protocol},
    limits,
    request_context::RequestContext,
    transport::{
        call::shown_id,
        sse_stream::{SseStream, StreamEnd},
    },
};

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl StreamableHttp {
    /// Takes one event. `id` is the request of the stream.
    pub(super) fn event(
        self: &Arc<Self>,
        event: &SseEvent,
        id: Option<&RequestId>,
        context: Option<&Arc<RequestContext>>,
    ) -> Result<TakenEvent, TransportFailure> {
        if let Some(message) = &event.dropped {
            return self.dropped_event(message, id);
        }
        if event.data.is_empty() || event.event.as_deref().is_some_and(|kind| kind != "message") {
            return Ok(TakenEvent::Other);
        }
        let flood = |_| protocol("flood");
        let message = without_framing(&event.data);
        let Ok(envelope) = Envelope::parse_relayed(message, &limits::message(&self.limits)) else {
            return match id {
                Some(_) => Err(protocol("malformed")),
                None => self.messages.count_invalid().map_err(flood).map(|()| TakenEvent::Other),
            };
        };
        if let Some(reply) = id.and_then(|id| reply_to(&envelope, id)) {
            return Ok(TakenEvent::Reply(reply));
        }
        let known = || context.cloned();
        match envelope.kind() {
            EnvelopeKind::Notification { method } => {
                let params = envelope.params();
                let context = known().or_else(|| self.in_flight.of_notification(method, params.as_deref()));
                self.messages.notification(method, params, context.as_ref()).map_err(flood)?;
            }
            EnvelopeKind::Request { id, method } => {
                self.messages.count_unsolicited().map_err(flood)?;
                let context = known().or_else(|| self.in_flight.of_request(self.messages.client_is_modern()));
                self.server_request(id.detached(), method.clone(), &envelope, context);
            }
            EnvelopeKind::Response { .. } | EnvelopeKind::ErrorResponse { .. } => {
                self.messages.count_dropped("answer that nobody waits for");
                self.messages.count_unsolicited().map_err(flood)?;
                return Ok(TakenEvent::OtherReply(envelope.id().map_or_else(|| "null".to_owned(), shown_id)));
            }
        }
        Ok(TakenEvent::Other)
    }

    /// Takes an event that was too long. The stream's request fails if the event was its reply.
    fn dropped_event(&self, message: &DroppedMessage, id: Option<&RequestId>) -> Result<TakenEvent, TransportFailure> {
        let limit = u64::try_from(limits::message(&self.limits).bytes).unwrap_or(u64::MAX);
        let bytes = message.bytes();
        if let Some(id) = id.filter(|_| !message.has_method())
            && message.id().is_none_or(|about| answers(&about, id))
        {
            return Err(UpstreamFailure::TooLarge { bytes: Some(bytes), limit }.into());
        }
        tracing::warn!(server = %self.messages.sink.server, bytes, limit, "dropped a message over the limit");
        self.messages.count_unsolicited().map_err(|_| protocol("flood"))?;
        Ok(TakenEvent::Other)
    }

    /// Answers a legacy server's request. A modern server must not send one; it gets no response.
    fn server_request(
        self: &Arc<Self>,
        id: RequestId,
        name: Box<str>,
        envelope: &Envelope,
        context: Option<Arc<RequestContext>>,
    ) {
        match self.era {
            Era::Modern => self.messages.count_dropped("question of a modern server"),
            Era::Legacy => self.answer(id, name, envelope.params(), context),
        }
    }

    /// Follows the legacy stream until the transport closes, or the server shows that it has no such stream.
    pub(crate) async fn listen(self: Arc<Self>) {
        let (mut last, mut wait) = (None::<String>, Duration::from_secs(1));
        loop {
            let opened = tokio::select! {
                () = self.closed.cancelled() => return,
                opened = self.get(last.as_deref()) => opened,
            };
            match opened {
                Ok(body) => {
                    let mut events = SseStream::new(body, limits::message(&self.limits).bytes);
                    let end = tokio::select! {
                        () = self.closed.cancelled() => return,
                        end = self.drain(&mut events) => end,
                    };
                    if let StreamEnd::Failed(_) = end {
                        return self.close("event_stream");
                    }
                    last = events.last_event_id().or(last);
                    wait = pause(events.retry()).max(Duration::from_millis(100));
                }
                Err(TransportFailure::Status(_) | TransportFailure::SessionEnded(_)) => return,
                Err(_) => wait = wait.saturating_mul(2).min(LONGEST_PAUSE),
            }
            tokio::select! {
                () = self.closed.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn drain(self: &Arc<Self>, events: &mut SseStream) -> StreamEnd {
        loop {
            match events.next().await {
                Ok(event) => {
                    if let Err(failure) = self.event(&event, None, None) {
                        return StreamEnd::Failed(failure);
                    }
                }
                Err(end) => return end,
            }
        }
    }
}
