//! What all conversations share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use briefcase_ports::RpcError;
use briefcase_types::{AgentId, Entropy, ServerId, SessionId};
use bytes::Bytes;
use tokio_util::task::TaskTracker;

use crate::{
    ask,
    conversation::{Conversation, Inner},
    core::{Core, ServerEvent},
    names::View,
    outlet::Outlet,
    parked::ParkedCalls,
    settings::Settings,
    tasks::Tasks,
};

/// How often what waited too long is ended.
const SWEEP: Duration = Duration::from_secs(30);

/// The surface of the whole daemon.
#[derive(Clone)]
pub struct Surface(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) core: Arc<dyn Core>,
    pub(crate) settings: Settings,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) tasks: Tasks,
    pub(crate) parked: ParkedCalls,
    /// Calls that run, also those whose client is gone.
    pub(crate) tracker: TaskTracker,
    /// The conversations of each session: one, or several that are stateless.
    conversations: Mutex<HashMap<SessionId, Vec<Weak<Inner>>>>,
}

impl Surface {
    /// A surface on a core. Must be called inside a tokio runtime.
    #[must_use]
    pub fn new(core: Arc<dyn Core>, entropy: Arc<dyn Entropy>, settings: Settings) -> Self {
        let shared = Arc::new(Shared {
            core,
            tasks: Tasks::new(entropy.clone(), settings.tasks),
            parked: ParkedCalls::new(entropy.clone(), settings.parked_calls, settings.parked_for),
            entropy,
            settings,
            tracker: TaskTracker::new(),
            conversations: Mutex::default(),
        });
        tokio::spawn(sweep(Arc::downgrade(&shared)));
        Self(shared)
    }

    /// Opens a conversation with a client of the agent. Stateless conversations may share a session.
    #[must_use]
    pub fn open(&self, agent: AgentId, session: SessionId, view: View, outlet: Arc<dyn Outlet>) -> Conversation {
        let inner = Inner::new(self.0.clone(), agent, session, view, outlet);
        self.0.conversations().entry(session).or_default().push(Arc::downgrade(&inner));
        Conversation(inner)
    }

    /// A server said something on a session's connection, outside any request.
    pub fn event(&self, session: SessionId, server: &ServerId, event: ServerEvent) {
        let conversations = self.0.of_session(session);
        if let Some((last, others)) = conversations.split_last() {
            others.iter().for_each(|conversation| conversation.event(server, event.clone()));
            last.event(server, event);
        }
    }

    /// A server asks a session's client something, outside any request. Already allowed by policy and cleaned.
    ///
    /// # Errors
    /// The error for the server, when the client cannot be asked, does not answer, or answers with one.
    pub async fn server_request(
        &self,
        session: SessionId,
        server: &ServerId,
        method: &str,
        params: Bytes,
    ) -> Result<Bytes, RpcError> {
        let conversations = self.0.of_session(session);
        let legacy = conversations.iter().find(|conversation| conversation.legacy_client().is_ok());
        match legacy.or(conversations.first()) {
            Some(conversation) => conversation.server_request(server, method, params).await,
            None => Err(ask::failure("the client is gone")),
        }
    }

    /// Forgets an agent that was removed: its tasks and suspended calls. Its conversations are the daemon's to close.
    pub fn forget(&self, agent: &AgentId) {
        self.0.tasks.forget(agent);
        self.0.parked.forget(agent);
    }

    /// Waits until the calls that run have recorded their outcomes; for shutdown, after closing the conversations.
    pub async fn drain(&self) {
        self.0.parked.clear();
        self.0.tracker.close();
        self.0.tracker.wait().await;
    }
}

impl Shared {
    /// Takes a conversation that ended out of its session.
    pub(crate) fn remove(&self, session: SessionId, ended: &Inner) {
        let mut conversations = self.conversations();
        if let Some(open) = conversations.get_mut(&session) {
            open.retain(|other| !std::ptr::eq(other.as_ptr(), ended) && other.strong_count() > 0);
            if open.is_empty() {
                conversations.remove(&session);
            }
        }
    }

    /// The open conversations of a session.
    pub(crate) fn of_session(&self, session: SessionId) -> Vec<Arc<Inner>> {
        self.conversations().get(&session).into_iter().flatten().filter_map(Weak::upgrade).collect()
    }

    fn conversations(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Vec<Weak<Inner>>>> {
        self.conversations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        match shared.upgrade() {
            Some(shared) => shared.parked.sweep(),
            None => return,
        }
    }
}
