//! The state of one client's connection.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use briefcase_mcp::{ErrorCode, RequestId};
use briefcase_ports::{ClientProfile, ConnectionKey, Reply, Sharing};
use briefcase_types::{AgentId, Era, ServerId, SessionId};
use tokio_util::sync::CancellationToken;

use crate::{
    client_capabilities::Client,
    client_requests::ClientRequests,
    client_sink::ClientSink,
    in_flight::{ClientRequestTarget, LogLevel},
    notifications::PendingNotifications,
    reply,
    request::Request,
    services::Services,
    session_index::SessionIndex,
    subscriptions::Subscriptions,
    suspended::SuspendedCalls,
    task_handles::TaskIds,
    view::View,
};

/// The parts of the MCP server that connections share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) services: Arc<Services>,
    pub(crate) suspended: Arc<SuspendedCalls>,
    pub(crate) sessions: Arc<SessionIndex<ConnectionState>>,
}

/// The state of one client's connection.
pub(crate) struct ConnectionState {
    pub(crate) shared: Shared,
    pub(crate) agent: AgentId,
    pub(crate) session: SessionId,
    pub(crate) view: View,
    pub(crate) sink: Arc<dyn ClientSink>,
    pub(crate) client_requests: Arc<ClientRequests>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) notifications: PendingNotifications,
    /// Legacy: the least severe log level that is passed on.
    pub(crate) log_level: Arc<AtomicU8>,
    /// Legacy: whether the client sent `notifications/initialized`.
    pub(crate) initialized: AtomicBool,
    legacy_client: Mutex<Option<Arc<Client>>>,
    /// The modern client of the last request, as it described itself; nearly always the same.
    modern_client: Mutex<Option<(ClientProfile, Arc<Client>)>>,
    requests: Mutex<HashMap<RequestId, CancellationToken>>,
    pub(crate) closing: CancellationToken,
}

impl ConnectionState {
    pub(crate) fn new(
        shared: Shared,
        agent: AgentId,
        session: SessionId,
        view: View,
        sink: Arc<dyn ClientSink>,
    ) -> Arc<Self> {
        let config = &shared.services.config;
        let client_requests = Arc::new(ClientRequests::new(
            sink.clone(),
            shared.services.entropy.as_ref(),
            config.client_request_timeout,
        ));
        let notifications = PendingNotifications::new(config.logs_per_second);
        Arc::new(Self {
            shared,
            agent,
            session,
            view,
            sink,
            client_requests,
            subscriptions: Subscriptions::default(),
            notifications,
            log_level: Arc::default(),
            initialized: AtomicBool::new(false),
            legacy_client: Mutex::default(),
            modern_client: Mutex::default(),
            requests: Mutex::default(),
            closing: CancellationToken::new(),
        })
    }

    pub(crate) fn services(&self) -> &Arc<Services> {
        &self.shared.services
    }

    /// The client of a modern request.
    pub(crate) fn modern_client(&self, profile: ClientProfile) -> Arc<Client> {
        let mut last = self.modern_client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((described, client)) = last.as_ref()
            && *described == profile
        {
            return client.clone();
        }
        let client = Arc::new(self.client(profile.clone()));
        *last = Some((profile, client.clone()));
        client
    }

    /// The client as servers may see it: without a name that they must not be told.
    pub(crate) fn client(&self, mut profile: ClientProfile) -> Client {
        let may = |text: &str| self.services().calls.may_name_client(&self.agent, text);
        profile.name = profile.name.filter(|name| may(name.name()) && may(name.version()));
        Client::new(profile)
    }

    /// The client that sent `initialize`.
    pub(crate) fn legacy_client(&self) -> Result<Arc<Client>, Reply> {
        let client = self.legacy_client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        client.ok_or_else(|| {
            reply::invalid_params(
                "send `initialize` first, or put `io.modelcontextprotocol/protocolVersion` into `_meta`",
            )
        })
    }

    /// Sets the client of a legacy connection. Only the first `initialize` may.
    pub(crate) fn set_legacy_client(&self, client: Client) -> Result<Arc<Client>, Reply> {
        let client = Arc::new(client);
        let mut legacy = self.legacy_client.lock().unwrap_or_else(PoisonError::into_inner);
        if legacy.is_some() {
            return Err(reply::error(ErrorCode::INVALID_REQUEST, "`initialize` was sent before"));
        }
        *legacy = Some(client.clone());
        Ok(client)
    }

    /// Removes the client after a failed handshake; it may try again.
    pub(crate) fn clear_legacy_client(&self) {
        *self.legacy_client.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether a legacy client accepts notifications.
    pub(crate) fn accepts_notifications(&self) -> bool {
        self.initialized.load(Ordering::Acquire) && self.legacy_client().is_ok()
    }

    /// The enabled servers of the view.
    pub(crate) fn servers(&self) -> Vec<ServerId> {
        let mut servers = self.services().calls.servers(&self.agent);
        if let View::One(one) = &self.view {
            servers.retain(|server| server == one);
        }
        servers
    }

    /// Whether the view has a server and it is enabled.
    pub(crate) fn serves(&self, server: &ServerId) -> bool {
        let in_view = match &self.view {
            View::All => true,
            View::One(one) => one == server,
        };
        in_view && self.services().calls.servers(&self.agent).contains(server)
    }

    /// The key of the client's connection to a server.
    pub(crate) fn connection_key(&self, server: ServerId, client: &Client) -> ConnectionKey {
        let profile = match self.services().calls.may_show_client(&self.agent) {
            true => client.profile.clone(),
            false => Arc::new(ClientProfile { is_shown: false, ..ClientProfile::clone(&client.profile) }),
        };
        ConnectionKey {
            agent: self.agent.clone(),
            session: self.session,
            server,
            client: profile,
            sharing: Sharing::Session,
        }
    }

    /// Translates the task ids of a server.
    pub(crate) fn task_ids<'a>(&'a self, server: &'a ServerId) -> TaskIds<'a> {
        TaskIds { handles: &self.services().task_handles, agent: &self.agent, server }
    }

    /// The target of messages about a request.
    pub(crate) fn target(&self, request: &Request) -> ClientRequestTarget {
        let legacy = request.era() == Era::Legacy;
        let level = self.log_level.clone();
        ClientRequestTarget {
            sink: self.sink.clone(),
            id: request.id.clone(),
            progress_token: request.progress_token.clone(),
            log_level: if legacy { LogLevel::Session(level) } else { LogLevel::Request(request.log_level) },
            client: request.client.clone(),
            requests: legacy.then(|| self.client_requests.clone()),
        }
    }

    /// The running requests, with the token that cancels each.
    pub(crate) fn requests(&self) -> MutexGuard<'_, HashMap<RequestId, CancellationToken>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels a running request.
    pub(crate) fn cancel(&self, id: &RequestId) {
        let token = self.requests().remove(id);
        if let Some(token) = token {
            token.cancel();
        }
    }

    /// Cancels the running requests and fails the requests to the client.
    pub(crate) fn close(&self) {
        self.closing.cancel();
        self.client_requests.close();
        self.shared.sessions.remove(self.session, self);
    }
}
