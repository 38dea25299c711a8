//! All connections of all sessions.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use briefcase_egress::Egress;
use briefcase_ports::{BoxFuture, ClientPeer, ConnectionKey, Listing, Outbound, Reply, UpstreamFailure, Upstreams};
use briefcase_types::{Era, SecretName, ServerId, SessionId};
use bytes::Bytes;
use tokio_util::task::TaskTracker;

use crate::{
    Directory, Greeting, ListKind, Surroundings, Watcher,
    handshake::{Common, Known},
    slot::Slot,
};

/// What a pool is made of.
pub struct PoolParts {
    /// Specifications and secrets.
    pub directory: Arc<dyn Directory>,
    /// Hears what servers say unasked.
    pub watcher: Arc<dyn Watcher>,
    /// The way out.
    pub egress: Egress,
    /// What child processes get from the machine.
    pub surroundings: Surroundings,
}

/// The connections, one per (session, server), opened when first used.
pub struct Pool {
    common: Arc<Common>,
    sessions: Mutex<HashMap<SessionId, Vec<Arc<Slot>>>>,
    eras: Arc<Mutex<HashMap<ServerId, Known>>>,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(parts: PoolParts) -> Self {
        let PoolParts { directory, watcher, egress, surroundings } = parts;
        let common = Common { directory, watcher, egress, surroundings, farewells: TaskTracker::new() };
        Self { common: Arc::new(common), sessions: Mutex::default(), eras: Arc::default() }
    }

    /// What the server said of itself; opens the connection if there is none.
    pub async fn greeting(&self, line: &ConnectionKey) -> Result<Arc<Greeting>, UpstreamFailure> {
        Ok(Arc::clone(&self.slot(line).link(&line.client).await?.greeting))
    }

    /// The raw items of a list, all pages; empty when the server does not declare the capability. Items that are no
    /// objects or too large are left out. Kept per session until the server tells of a change.
    pub async fn list(&self, line: &ConnectionKey, kind: ListKind) -> Result<Arc<Vec<Bytes>>, UpstreamFailure> {
        self.slot(line).list(&line.client, kind).await
    }

    /// Passes a notification of the client on to every legacy server the session is connected to (modern servers take
    /// none). Not waited for.
    pub fn tell(&self, session: SessionId, method: &'static str, params: Option<Bytes>) {
        let slots = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(&session).cloned();
        let links = slots.into_iter().flatten().filter_map(|slot| slot.open_link());
        let legacy = links.filter(|link| link.greeting.era == Era::Legacy);
        for (link, params) in legacy.zip(std::iter::repeat(params)) {
            tokio::spawn(async move {
                // A server that is gone has nothing to hear.
                let _gone = link.wire.tell(method, params.as_deref()).await;
            });
        }
    }

    /// How many connections to a server are open.
    pub fn connections(&self, server: &ServerId) -> usize {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = sessions.values().flatten().filter(|slot| slot.server() == server);
        slots.filter(|slot| slot.open_link().is_some()).count()
    }

    /// Ends everything a session had.
    pub fn close_session(&self, session: SessionId) {
        let slots = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
        slots.into_iter().flatten().for_each(|slot| slot.retire("session_closed"));
    }

    /// Ends every connection to a server and forgets what was learned of it: it changed, was disabled or removed.
    pub fn forget_server(&self, server: &ServerId) {
        self.eras.lock().unwrap_or_else(PoisonError::into_inner).remove(server);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        for slots in sessions.values_mut() {
            slots.retain(|slot| {
                let keep = slot.server() != server;
                if !keep {
                    slot.retire("server_forgotten");
                }
                keep
            });
        }
    }

    /// Ends everything and waits for children to be gone, at most a few seconds.
    pub async fn shutdown(&self) {
        let sessions = std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        sessions.into_values().flatten().for_each(|slot| slot.retire("shutdown"));
        self.common.farewells.close();
        let _late = tokio::time::timeout(Duration::from_secs(6), self.common.farewells.wait()).await;
    }

    fn slot(&self, line: &ConnectionKey) -> Arc<Slot> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = sessions.entry(line.session).or_default();
        if let Some(slot) = slots.iter().find(|slot| *slot.server() == line.server) {
            return Arc::clone(slot);
        }
        let (common, eras) = (Arc::clone(&self.common), Arc::clone(&self.eras));
        let slot = Slot::new(common, line.server.clone(), line.session, eras);
        slots.push(Arc::clone(&slot));
        slot
    }
}

impl Upstreams for Pool {
    fn list_tools<'a>(&'a self, line: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<Listing>, UpstreamFailure>> {
        Box::pin(async move { self.slot(line).look(&line.client).await })
    }

    fn send<'a>(
        &'a self,
        line: &'a ConnectionKey,
        request: Outbound,
        talk: Arc<dyn ClientPeer>,
    ) -> BoxFuture<'a, Result<Reply, UpstreamFailure>> {
        Box::pin(async move { self.slot(line).send(&line.client, &request, &talk).await })
    }

    fn server_info<'a>(
        &'a self,
        key: &'a ConnectionKey,
    ) -> BoxFuture<'a, Result<Arc<briefcase_ports::ServerInfo>, UpstreamFailure>> {
        Box::pin(async move {
            let Greeting { era, version, capabilities, info, instructions } =
                Greeting::clone(&*self.greeting(key).await?);
            Ok(Arc::new(briefcase_ports::ServerInfo { era, version, capabilities, info, instructions }))
        })
    }

    fn list<'a>(
        &'a self,
        key: &'a ConnectionKey,
        kind: briefcase_ports::ListKind,
    ) -> BoxFuture<'a, Result<Arc<Vec<Bytes>>, UpstreamFailure>> {
        let kind = match kind {
            briefcase_ports::ListKind::Resources => ListKind::Resources,
            briefcase_ports::ListKind::ResourceTemplates => ListKind::Templates,
            briefcase_ports::ListKind::Prompts => ListKind::Prompts,
        };
        Box::pin(Self::list(self, key, kind))
    }

    fn notify(&self, session: SessionId, method: &'static str, params: Option<Bytes>) {
        self.tell(session, method, params);
    }

    fn secrets(&self, server: &ServerId, visit: &mut dyn FnMut(&str)) -> bool {
        // A server without a registration has no connection, and so no secret to give back.
        let Ok(spec) = self.common.directory.spec(server) else { return true };
        spec.secrets().all(|name| self.secret(name, visit))
    }

    fn secret(&self, name: &SecretName, visit: &mut dyn FnMut(&str)) -> bool {
        let read = self.common.directory.with_secret(name, visit);
        if let Err(reason) = &read {
            tracing::warn!(secret = %name, %reason, "a secret cannot be read, so nothing passes");
        }
        read.is_ok()
    }
}
