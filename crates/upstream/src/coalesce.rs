//! Change notices, at most four batches a second: a thousand notices that say the same are one.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use briefcase_types::{ServerId, SessionId};
use tokio::time::Instant;

use crate::{ServerEvent, Watcher};

const PAUSE: Duration = Duration::from_millis(250);
const MOST_URIS: usize = 256;

/// Who speaks, and to whom it is told.
pub(crate) struct Origin {
    pub(crate) server: ServerId,
    pub(crate) session: SessionId,
    pub(crate) watcher: Arc<dyn Watcher>,
}

impl Origin {
    pub(crate) fn tell(&self, event: ServerEvent) {
        self.watcher.event(&self.server, self.session, event);
    }
}

/// Notices that wait to be told.
pub(crate) struct Coalesce {
    origin: Arc<Origin>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    events: Vec<ServerEvent>,
    uris: BTreeSet<String>,
    scheduled: bool,
    told: Option<Instant>,
}

impl Coalesce {
    pub(crate) fn new(origin: Arc<Origin>) -> Arc<Self> {
        Arc::new(Self { origin, waiting: Mutex::default() })
    }

    /// Tells of a change soon: now when it was quiet, with others otherwise. `false` when it had to be dropped.
    pub(crate) fn change(self: &Arc<Self>, event: ServerEvent) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.add(event) {
            return false;
        }
        if !std::mem::replace(&mut waiting.scheduled, true) {
            let at = waiting.told.map_or_else(Instant::now, |told| told + PAUSE);
            tokio::spawn(Arc::clone(self).flush(at));
        }
        true
    }

    async fn flush(self: Arc<Self>, at: Instant) {
        tokio::time::sleep_until(at).await;
        for event in self.take() {
            self.origin.tell(event);
        }
    }

    fn take(&self) -> Vec<ServerEvent> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.scheduled = false;
        waiting.told = Some(Instant::now());
        let uris = std::mem::take(&mut waiting.uris);
        let mut events = std::mem::take(&mut waiting.events);
        events.extend(uris.into_iter().map(|uri| ServerEvent::ResourceUpdated { uri }));
        events
    }
}

impl Waiting {
    fn add(&mut self, event: ServerEvent) -> bool {
        match event {
            ServerEvent::ResourceUpdated { uri } => {
                if self.uris.contains(&uri) {
                    return true;
                }
                self.uris.len() < MOST_URIS && self.uris.insert(uri)
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

    struct Ears(Mutex<Vec<ServerEvent>>);

    impl Watcher for Ears {
        fn event(&self, _: &ServerId, _: SessionId, event: ServerEvent) {
            self.0.lock().unwrap().push(event);
        }

        fn ask<'a>(
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
    async fn attack_08_a_storm_of_notices_is_a_few_events_and_the_last_is_not_lost() {
        let ears = Arc::new(Ears(Mutex::default()));
        let session = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let origin = Origin { server: "s".parse().unwrap(), session, watcher: ears.clone() };
        let changes = Coalesce::new(Arc::new(origin));
        for step in 0..10_000 {
            changes.change(ServerEvent::ToolsChanged);
            changes.change(ServerEvent::ResourceUpdated { uri: format!("x:{}", step % 2) });
            tokio::time::advance(Duration::from_micros(100)).await;
            tokio::task::yield_now().await;
        }
        let before = ears.0.lock().unwrap().len();
        tokio::time::sleep(PAUSE * 2).await;
        let heard = ears.0.lock().unwrap();
        assert!(heard.len() <= 3 * 6, "one second of storm: {}", heard.len());
        assert!(heard.len() > before, "what came after the last batch is told too");
    }
}
