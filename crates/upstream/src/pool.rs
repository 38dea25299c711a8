//! All connections, by their owner and server.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use briefcase_egress::Egress;
use briefcase_ports::{
    BoxFuture, ClientPeer, ConnectionKey, Launcher, ListKind, Listing, Outbound, Reply, SecretSource, SendGate,
    ServerCatalog, ServerInfo, ServerObserver, Sharing, UpstreamFailure, Upstreams,
};
use briefcase_types::{AgentId, Era, ServerId, SessionId};
use bytes::Bytes;
use tokio_util::task::TaskTracker;

use crate::{
    child_environment::ChildEnvironment,
    handshake::{KnownEras, PoolContext},
    session_server::SessionServer,
};

/// How long [`Pool::shutdown`] waits for children to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(6);

/// A connection that was not used for this long is closed, and its child ends. The next call opens a new one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// How often idle connections are looked for.
const IDLE_CHECK: Duration = Duration::from_secs(60);

/// The parts of a pool.
pub struct PoolParts {
    /// The registered servers.
    pub catalog: Arc<dyn ServerCatalog>,
    /// The secrets.
    pub secrets: Arc<dyn SecretSource>,
    /// The receiver of what servers send outside of requests.
    pub observer: Arc<dyn ServerObserver>,
    /// Starts child processes.
    pub launcher: Arc<dyn Launcher>,
    /// The HTTP client.
    pub egress: Egress,
    /// The variables that every child process gets.
    pub environment: ChildEnvironment,
    /// Whether the record can still be written. Otherwise no server is contacted and no program starts.
    pub gate: SendGate,
}

/// The owner of connections. Only the calls of one owner share a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Session(SessionId),
    Agent(AgentId),
    All,
}

impl Owner {
    fn of(key: &ConnectionKey) -> Self {
        match key.sharing {
            Sharing::Session => Self::Session(key.session),
            Sharing::Agent => Self::Agent(key.agent.clone()),
            Sharing::All => Self::All,
        }
    }
}

/// The servers of each owner.
#[derive(Default)]
struct Owners(Mutex<HashMap<Owner, Vec<Arc<SessionServer>>>>);

impl Owners {
    fn lock(&self) -> MutexGuard<'_, HashMap<Owner, Vec<Arc<SessionServer>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes idle connections while the pool exists.
async fn close_idle(owners: Weak<Owners>) {
    loop {
        tokio::time::sleep(IDLE_CHECK).await;
        let Some(owners) = owners.upgrade() else { return };
        let servers: Vec<_> = owners.lock().values().flatten().cloned().collect();
        servers.iter().for_each(|server| server.reconnect.close_idle(IDLE_TIMEOUT));
    }
}

/// The connections, one per owner and server, opened when first used.
pub struct Pool {
    context: Arc<PoolContext>,
    owners: Arc<Owners>,
    eras: Arc<Mutex<HashMap<ServerId, KnownEras>>>,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(parts: PoolParts) -> Self {
        let PoolParts { catalog, secrets, observer, launcher, egress, environment, gate } = parts;
        let shutdown_tasks = TaskTracker::new();
        let context = PoolContext { catalog, secrets, observer, launcher, egress, environment, gate, shutdown_tasks };
        let owners = Arc::new(Owners::default());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(close_idle(Arc::downgrade(&owners)));
        }
        Self { context: Arc::new(context), owners, eras: Arc::default() }
    }

    /// How many connections to a server are open.
    pub fn connections(&self, server: &ServerId) -> usize {
        let owners = self.owners.lock();
        let reconnects = owners.values().flatten().map(|found| &found.reconnect);
        reconnects.filter(|found| found.server() == server && found.open_connection().is_some()).count()
    }

    /// Closes every connection that a session owns.
    pub fn close_session(&self, session: SessionId) {
        let owner = Owner::Session(session);
        let servers = self.owners.lock().remove(&owner);
        servers.into_iter().flatten().for_each(|server| server.reconnect.retire("session_closed"));
    }

    /// Closes every connection to a server and forgets its eras: it changed, was disabled or removed.
    pub fn forget_server(&self, server: &ServerId) {
        self.eras.lock().unwrap_or_else(PoisonError::into_inner).remove(server);
        let mut owners = self.owners.lock();
        for servers in owners.values_mut() {
            servers.retain(|found| {
                let keep = found.reconnect.server() != server;
                if !keep {
                    found.reconnect.retire("server_forgotten");
                }
                keep
            });
        }
    }

    /// Closes every connection and waits until the children have ended, at most 6 seconds.
    pub async fn shutdown(&self) {
        let owners = std::mem::take(&mut *self.owners.lock());
        owners.into_values().flatten().for_each(|server| server.reconnect.retire("shutdown"));
        self.context.shutdown_tasks.close();
        let _late = tokio::time::timeout(SHUTDOWN_TIMEOUT, self.context.shutdown_tasks.wait()).await;
    }

    fn server(&self, key: &ConnectionKey) -> Arc<SessionServer> {
        let mut owners = self.owners.lock();
        let servers = owners.entry(Owner::of(key)).or_default();
        if let Some(server) = servers.iter().find(|server| *server.reconnect.server() == key.server) {
            return Arc::clone(server);
        }
        let (context, eras) = (Arc::clone(&self.context), Arc::clone(&self.eras));
        let server = SessionServer::new(context, key.server.clone(), key.session, eras);
        servers.push(Arc::clone(&server));
        server
    }
}

/// Ends every connection, and gives up those that are being opened.
impl Drop for Pool {
    fn drop(&mut self) {
        let owners = std::mem::take(&mut *self.owners.lock());
        owners.into_values().flatten().for_each(|server| server.reconnect.retire("shutdown"));
    }
}

impl Upstreams for Pool {
    fn list_tools<'a>(&'a self, key: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<Listing>, UpstreamFailure>> {
        Box::pin(async move { self.server(key).list_tools(&key.client).await })
    }

    fn send<'a>(
        &'a self,
        key: &'a ConnectionKey,
        request: Outbound,
        client: Arc<dyn ClientPeer>,
    ) -> BoxFuture<'a, Result<Reply, UpstreamFailure>> {
        Box::pin(async move { self.server(key).send(&key.client, &request, &client).await })
    }

    fn server_info<'a>(&'a self, key: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<ServerInfo>, UpstreamFailure>> {
        Box::pin(async move {
            let connection = self.server(key).reconnect.connection(&key.client).await?;
            Ok(Arc::clone(&connection.server_info))
        })
    }

    /// Items that are no objects, or too large, are left out. Cached per session until the server announces a change.
    fn list<'a>(
        &'a self,
        key: &'a ConnectionKey,
        kind: ListKind,
    ) -> BoxFuture<'a, Result<Arc<Vec<Bytes>>, UpstreamFailure>> {
        Box::pin(async move { self.server(key).list(&key.client, kind).await })
    }

    /// Returns before the notifications are sent.
    fn notify(&self, session: SessionId, method: &'static str) {
        if self.context.gate.check().is_err() {
            return;
        }
        let owner = Owner::Session(session);
        let servers = self.owners.lock().get(&owner).cloned();
        let connections = servers.into_iter().flatten().filter_map(|server| server.reconnect.open_connection());
        let legacy = connections.filter(|connection| connection.server_info.era == Era::Legacy);
        for connection in legacy {
            tokio::spawn(async move {
                // A server that is gone needs no notification.
                let _gone = connection.transport.notify(method, None).await;
            });
        }
    }
}
