//! Debounces change notifications: at most four batches a second, and equal notifications in a batch become one event.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use briefcase_ports::{ServerEvent, ServerObserver};
use briefcase_types::{ServerId, SessionId};
use tokio::time::Instant;

/// The time between two batches.
const INTERVAL: Duration = Duration::from_millis(250);
/// The time between a server's handshake and the first batch.
const AFTER_HANDSHAKE: Duration = Duration::from_secs(1);
/// The most resources whose change waits in one batch.
const MAX_URIS: usize = 256;

/// The receiver of a connection's events: the server and session they belong to, and the observer.
pub(crate) struct EventSink {
    pub(crate) server: ServerId,
    pub(crate) session: SessionId,
    pub(crate) observer: Arc<dyn ServerObserver>,
}

impl EventSink {
    pub(crate) fn send(&self, event: ServerEvent) {
        self.observer.event(&self.server, self.session, event);
    }
}

/// Change events that wait for the next batch.
pub(crate) struct Debounce {
    sink: Arc<EventSink>,
    pending: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    events: Vec<ServerEvent>,
    uris: BTreeSet<String>,
    scheduled: bool,
    last_batch: Option<Instant>,
}

impl Debounce {
    pub(crate) fn new(sink: Arc<EventSink>) -> Arc<Self> {
        Arc::new(Self { sink, pending: Mutex::default() })
    }

    /// Holds the next batch back for [`AFTER_HANDSHAKE`]: a client whose own handshake opened the connection cannot
    /// receive it earlier.
    pub(crate) fn hold_back(&self) {
        let earliest = Instant::now() + AFTER_HANDSHAKE;
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.last_batch = earliest.checked_sub(INTERVAL);
    }

    /// Sends a change event: at once after a quiet time, with the next batch otherwise. Returns `false` when it was dropped.
    pub(crate) fn send(self: &Arc<Self>, event: ServerEvent) -> bool {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if !pending.add(event) {
            return false;
        }
        if !std::mem::replace(&mut pending.scheduled, true) {
            let at = pending.last_batch.map_or_else(Instant::now, |last| last + INTERVAL);
            tokio::spawn(Arc::clone(self).flush(at));
        }
        true
    }

    async fn flush(self: Arc<Self>, at: Instant) {
        tokio::time::sleep_until(at).await;
        for event in self.take() {
            self.sink.send(event);
        }
    }

    fn take(&self) -> Vec<ServerEvent> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.scheduled = false;
        pending.last_batch = Some(Instant::now());
        let uris = std::mem::take(&mut pending.uris);
        let mut events = std::mem::take(&mut pending.events);
        events.extend(uris.into_iter().map(|uri| ServerEvent::ResourceUpdated { uri }));
        events
    }
}

impl Pending {
    fn add(&mut self, event: ServerEvent) -> bool {
        match event {
            ServerEvent::ResourceUpdated { uri } => {
                if self.uris.contains(&uri) {
                    return true;
                }
                self.uris.len() < MAX_URIS && self.uris.insert(uri)
            }
            other => {
                if !self.events.contains(&other) {
                    self.events.push(other);
                }
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use briefcase_ports::{BoxFuture, RpcError};
    use bytes::Bytes;

    use super::*;

    struct Recorder(Mutex<Vec<ServerEvent>>);

    impl ServerObserver for Recorder {
        fn event(&self, _: &ServerId, _: SessionId, event: ServerEvent) {
            self.0.lock().unwrap().push(event);
        }

        fn request<'a>(
            &'a self,
            _: &'a ServerId,
            _: SessionId,
            _: &'a str,
            _: Bytes,
        ) -> BoxFuture<'a, Result<Bytes, RpcError>> {
            Box::pin(async { Ok(Bytes::new()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn attack_08_a_storm_of_notifications_becomes_a_few_events_and_the_last_is_not_lost() {
        let recorder = Arc::new(Recorder(Mutex::default()));
        let session = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let sink = EventSink { server: "s".parse().unwrap(), session, observer: recorder.clone() };
        let debounce = Debounce::new(Arc::new(sink));
        for step in 0..10_000 {
            debounce.send(ServerEvent::ToolsChanged);
            debounce.send(ServerEvent::ResourceUpdated { uri: format!("x:{}", step % 2) });
            tokio::time::advance(Duration::from_micros(100)).await;
            tokio::task::yield_now().await;
        }
        let before = recorder.0.lock().unwrap().len();
        tokio::time::sleep(INTERVAL * 2).await;
        let events = recorder.0.lock().unwrap();
        assert!(events.len() <= 3 * 6, "one second of storm: {}", events.len());
        assert!(events.len() > before, "a change after the last batch is sent too");
    }
}
