//! Sessions of agents and their grants.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use briefcase_types::{AgentId, Digest, ServerId, SessionId};

/// The subscriptions of one session that are remembered.
const SUBSCRIPTIONS_MAX: usize = 4096;

/// One connection of an agent.
#[derive(Debug)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// The agent.
    pub agent: AgentId,
    grants: Mutex<Vec<SessionGrant>>,
    subscribed: Mutex<BTreeSet<(ServerId, String)>>,
    closed: AtomicBool,
}

/// A grant that ends with the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionGrant {
    /// The server.
    pub server: ServerId,
    /// The digest of server, operation and name.
    pub subject: Digest,
    /// The tool's definition. A changed definition voids the grant.
    pub pin: Digest,
    /// The digest of the exact arguments and the members beside them; `None` for any arguments.
    pub arguments: Option<Digest>,
}

impl Session {
    /// Makes a session without grants.
    #[must_use]
    pub fn new(id: SessionId, agent: AgentId) -> Self {
        Self { id, agent, grants: Mutex::default(), subscribed: Mutex::default(), closed: AtomicBool::new(false) }
    }

    /// Whether the session has ended: it disconnected, or the agent was removed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Ends the session and voids its grants.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.lock().clear();
    }

    pub(crate) fn grant(&self, grant: SessionGrant) {
        if !self.is_closed() {
            self.lock().push(grant);
        }
    }

    /// Whether a grant covers a call. With `only_exact`, the grant must name exactly these arguments.
    pub(crate) fn covers(
        &self,
        server: &ServerId,
        subject: Digest,
        pin: Digest,
        arguments: Digest,
        only_exact: bool,
    ) -> bool {
        self.lock().iter().any(|grant| {
            grant.server == *server
                && grant.subject == subject
                && grant.pin == pin
                && grant.arguments.map_or(!only_exact, |exact| exact == arguments)
        })
    }

    /// Notes a subscription that was allowed: the server knows its URI.
    pub(crate) fn note_subscription(&self, server: &ServerId, uri: &str) {
        let mut subscribed = self.subscribed.lock().unwrap_or_else(PoisonError::into_inner);
        if subscribed.len() < SUBSCRIPTIONS_MAX {
            subscribed.insert((server.clone(), uri.to_owned()));
        }
    }

    /// Whether the session was allowed to subscribe to the resource.
    pub(crate) fn is_subscribed(&self, server: &ServerId, uri: &str) -> bool {
        let subscribed = self.subscribed.lock().unwrap_or_else(PoisonError::into_inner);
        subscribed.contains(&(server.clone(), uri.to_owned()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SessionGrant>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
