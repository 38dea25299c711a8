//! The MCP server of the whole daemon.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use briefcase_ports::{CallHandler, RpcError, ServerEvent};
use briefcase_types::{AgentId, Entropy, ServerId, SessionId};
use bytes::Bytes;
use tokio_util::task::TaskTracker;

use crate::{
    client_requests::failed,
    client_sink::ClientSink,
    config::Config,
    connection::ClientConnection,
    connection_state::{ConnectionState, Shared},
    handlers::server_events,
    services::Services,
    session_index::SessionIndex,
    suspended::SuspendedCalls,
    task_handles::TaskHandles,
    view::View,
};

/// The time between two searches for expired suspended calls.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(30);

/// The MCP server of the whole daemon.
#[derive(Clone)]
pub struct McpServer(Shared);

impl McpServer {
    /// A server that passes calls to `calls`. Must be called inside a tokio runtime.
    #[must_use]
    pub fn new(calls: Arc<dyn CallHandler>, entropy: Arc<dyn Entropy>, config: Config) -> Self {
        let timeout = config.suspend_timeout;
        let suspended = Arc::new(SuspendedCalls::new(entropy.clone(), config.suspended_calls, timeout));
        tokio::spawn(remove_expired(Arc::downgrade(&suspended)));
        let services = Arc::new(Services {
            calls,
            task_handles: TaskHandles::new(entropy.clone(), config.task_handles),
            entropy,
            config,
            tracker: TaskTracker::new(),
        });
        Self(Shared { services, suspended, sessions: Arc::new(SessionIndex::default()) })
    }

    /// Opens a connection of the agent's client. Stateless connections may share a session.
    #[must_use]
    pub fn open(&self, agent: AgentId, session: SessionId, view: View, sink: Arc<dyn ClientSink>) -> ClientConnection {
        let state = ConnectionState::new(self.0.clone(), agent, session, view, sink);
        self.0.sessions.insert(session, &state);
        ClientConnection(state)
    }

    /// Takes an event of a server on the session's connection to it.
    pub fn event(&self, session: SessionId, server: &ServerId, event: ServerEvent) {
        let connections = self.0.sessions.of(session);
        if let Some((last, others)) = connections.split_last() {
            others.iter().for_each(|connection| server_events::event(connection, server, event.clone()));
            server_events::event(last, server, event);
        }
    }

    /// Sends a server's request outside of any call to the session's client. Policy has allowed it, and its text is
    /// filtered.
    ///
    /// # Errors
    /// The error for the server, when the client has no such capability, does not respond, or responds with an error.
    pub async fn server_request(
        &self,
        session: SessionId,
        server: &ServerId,
        method: &str,
        params: Bytes,
    ) -> Result<Bytes, RpcError> {
        let connections = self.0.sessions.of(session);
        let legacy = connections.iter().find(|connection| connection.legacy_client().is_ok());
        match legacy.or(connections.first()) {
            Some(connection) => server_events::server_request(connection, server, method, params).await,
            None => Err(failed("the client disconnected")),
        }
    }

    /// Removes the task handles and suspended calls of an agent that was removed. The daemon closes its connections.
    pub fn remove_agent(&self, agent: &AgentId) {
        self.0.services.task_handles.remove_agent(agent);
        self.0.suspended.remove_agent(agent);
    }

    /// Waits until the running calls have recorded their outcomes. For shutdown, after closing the connections.
    pub async fn drain(&self) {
        self.0.suspended.clear();
        self.0.services.tracker.close();
        self.0.services.tracker.wait().await;
    }
}

async fn remove_expired(suspended: Weak<SuspendedCalls>) {
    loop {
        tokio::time::sleep(EXPIRY_INTERVAL).await;
        match suspended.upgrade() {
            Some(suspended) => suspended.remove_expired(),
            None => return,
        }
    }
}
