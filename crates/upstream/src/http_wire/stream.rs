//! Messages on event streams, and the legacy stream for what belongs to no request.

use std::{sync::Arc, time::Duration};

use briefcase_mcp::{Envelope, EnvelopeKind, RequestId, SseEvent};
use briefcase_ports::{Reply, UpstreamFailure};
use briefcase_types::Era;

use super::{
    HttpWire,
    events::{Events, Stop},
    post::{own_answer, pause},
};
use crate::related::{Failure, Related};

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl HttpWire {
    /// Takes one event. `Some` when it is the answer to `id`.
    pub(super) fn event(
        self: &Arc<Self>,
        event: &SseEvent,
        id: Option<&RequestId>,
        related: Option<&Arc<Related>>,
    ) -> Result<Option<Reply>, Failure> {
        if event.data.is_empty() || event.event.as_deref().is_some_and(|kind| kind != "message") {
            return Ok(None);
        }
        let flood = |_| Failure::from(UpstreamFailure::Protocol("flood"));
        let Ok(envelope) = Envelope::parse_within(event.data.clone(), &self.limits.json()) else {
            return match id {
                Some(_) => Err(UpstreamFailure::Protocol("malformed").into()),
                None => self.inbound.garbage().map_err(flood).map(|()| None),
            };
        };
        if let Some(reply) = id.and_then(|id| own_answer(&envelope, id)) {
            return Ok(Some(reply));
        }
        let known = || related.cloned();
        match envelope.kind() {
            EnvelopeKind::Notification { method } => {
                let params = envelope.params();
                let related = known().or_else(|| self.running.related_to(method, params.as_deref()));
                self.inbound.notified(method, params, related.as_ref()).map_err(flood)?;
            }
            EnvelopeKind::Request { id, method } => {
                self.inbound.unasked().map_err(flood)?;
                let related = known().or_else(|| self.running.asked(self.inbound.client_is_modern()));
                self.question(id.detached(), method.clone(), &envelope, related);
            }
            EnvelopeKind::Response { .. } | EnvelopeKind::ErrorResponse { .. } => {
                self.inbound.drop_one("answer that nobody waits for");
                self.inbound.unasked().map_err(flood)?;
            }
        }
        Ok(None)
    }

    /// A modern server has no business asking this way; it is not answered.
    fn question(self: &Arc<Self>, id: RequestId, name: Box<str>, envelope: &Envelope, related: Option<Arc<Related>>) {
        match self.era {
            Era::Modern => self.inbound.drop_one("question of a modern server"),
            Era::Legacy => self.asked(id, name, envelope.params(), related),
        }
    }

    /// Follows the legacy stream until the wire closes or the server shows that it has none.
    pub(crate) async fn listen(self: Arc<Self>) {
        let (mut last, mut wait) = (None::<String>, Duration::from_secs(1));
        loop {
            let opened = tokio::select! {
                () = self.closed.cancelled() => return,
                opened = self.get(last.as_deref()) => opened,
            };
            match opened {
                Ok(body) => {
                    let mut events = Events::new(body, self.limits.json().bytes);
                    let stop = tokio::select! {
                        () = self.closed.cancelled() => return,
                        stop = self.drain(&mut events) => stop,
                    };
                    if let Stop::Failed(_) = stop {
                        return self.close("event_stream");
                    }
                    last = events.last_event_id().or(last);
                    wait = pause(events.retry()).max(Duration::from_millis(100));
                }
                Err(Failure::Status(_) | Failure::Gone) => return,
                Err(_) => wait = wait.saturating_mul(2).min(LONGEST_PAUSE),
            }
            tokio::select! {
                () = self.closed.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn drain(self: &Arc<Self>, events: &mut Events) -> Stop {
        loop {
            match events.next().await {
                Ok(event) => {
                    if let Err(failure) = self.event(&event, None, None) {
                        return Stop::Failed(failure);
                    }
                }
                Err(stop) => return stop,
            }
        }
    }
}
