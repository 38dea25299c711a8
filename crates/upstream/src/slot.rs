//! One session's place for one server: its connection, opened when needed, and what was fetched over it.
//!
//! Invariants: at most one connection is open at a time; a server that fails again and again is left alone for a while;
//! a plain read is repeated once when the server dropped the session, anything else never.

mod backoff;
mod listing;
mod watch;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use briefcase_mcp::method;
use briefcase_ports::{ClientPeer, ClientProfile, Listing, Outbound, Reply, UpstreamFailure};
use briefcase_types::{ServerId, SessionId};

use crate::{
    ListKind,
    handshake::{Common, Known, Opening},
    inbound::Generations,
    link::Link,
    related::Failure,
    turns::Turns,
};
use backoff::Backoff;
use listing::{Cached, Looked};

/// One (session, server).
pub(crate) struct Slot {
    common: Arc<Common>,
    server: ServerId,
    session: SessionId,
    eras: Arc<Mutex<HashMap<ServerId, Known>>>,
    current: Mutex<Current>,
    opening: tokio::sync::Mutex<Backoff>,
    looks: Arc<Turns<Result<Arc<Listing>, UpstreamFailure>>>,
    looked: Mutex<Option<Looked>>,
    lists: Mutex<HashMap<ListKind, Cached>>,
    generations: Arc<Generations>,
}

#[derive(Default)]
struct Current {
    link: Option<Arc<Link>>,
    /// The slot is no longer used; a connection that is being opened must not outlive it.
    retired: bool,
}

impl Slot {
    pub(crate) fn new(
        common: Arc<Common>,
        server: ServerId,
        session: SessionId,
        eras: Arc<Mutex<HashMap<ServerId, Known>>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            common,
            server,
            session,
            eras,
            current: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            looks: Arc::new(Turns::new()),
            looked: Mutex::default(),
            lists: Mutex::default(),
            generations: Arc::default(),
        })
    }

    pub(crate) fn server(&self) -> &ServerId {
        &self.server
    }

    /// The connection, opened now if there is none.
    pub(crate) async fn link(&self, client: &ClientProfile) -> Result<Arc<Link>, UpstreamFailure> {
        if let Some(link) = self.open_link() {
            return Ok(link);
        }
        let mut backoff = self.opening.lock().await;
        if let Some(link) = self.open_link() {
            return Ok(link);
        }
        backoff.before_opening().await?;
        let opened = self.open(client).await;
        backoff.opened(&opened);
        self.install(opened?, client)
    }

    pub(crate) fn open_link(&self) -> Option<Arc<Link>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.link.as_ref().filter(|link| link.is_open()).cloned()
    }

    async fn open(&self, client: &ClientProfile) -> Result<Link, UpstreamFailure> {
        let spec = self.common.directory.spec(&self.server)?;
        let mut known =
            self.eras.lock().unwrap_or_else(PoisonError::into_inner).get(&self.server).copied().unwrap_or_default();
        let opening = Opening {
            common: &self.common,
            server: &self.server,
            session: self.session,
            spec: &spec,
            client,
            generations: &self.generations,
        };
        let opened = opening.open(&mut known).await;
        self.eras.lock().unwrap_or_else(PoisonError::into_inner).insert(self.server.clone(), known);
        opened
    }

    fn install(&self, link: Link, client: &ClientProfile) -> Result<Arc<Link>, UpstreamFailure> {
        let link = Arc::new(link);
        self.generations.resources.fetch_add(1, Ordering::SeqCst);
        self.generations.prompts.fetch_add(1, Ordering::SeqCst);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.retired {
            return Err(UpstreamFailure::NotReady("the session or the server was closed".into()));
        }
        watch::start(&link, client);
        current.link = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Closes the connection for good.
    pub(crate) fn retire(&self, reason: &'static str) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.retired = true;
        if let Some(link) = current.link.take() {
            link.wire.close(reason);
        }
    }

    /// Sends a client's request.
    pub(crate) async fn send(
        &self,
        client: &ClientProfile,
        request: &Outbound,
        talk: &Arc<dyn ClientPeer>,
    ) -> Result<Reply, UpstreamFailure> {
        let mut again = is_plain_read(request.method);
        loop {
            let link = tokio::select! {
                () = request.cancel.cancelled() => return Err(UpstreamFailure::Cancelled),
                link = self.link(client) => link?,
            };
            let mirrored = self.mirrored(&link, request);
            match link.exchange(client, request, &mirrored, talk).await {
                Err(Failure::Gone) => {
                    link.wire.close("session_ended");
                    if !std::mem::take(&mut again) {
                        return Err(Failure::Gone.into());
                    }
                }
                outcome => return outcome.map_err(UpstreamFailure::from),
            }
        }
    }
}

/// Requests that cannot have had an effect, so that asking again does no harm.
fn is_plain_read(name: &str) -> bool {
    matches!(
        name,
        method::PING
            | method::TOOLS_LIST
            | method::RESOURCES_LIST
            | method::RESOURCES_TEMPLATES_LIST
            | method::RESOURCES_READ
            | method::PROMPTS_LIST
            | method::PROMPTS_GET
            | method::COMPLETION_COMPLETE
            | method::TASKS_GET
            | method::TASKS_LIST
    )
}
