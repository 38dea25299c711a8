//! One session's connection to one server: opened when needed, and again after it ended.
//!
//! Invariants: at most one connection is open at a time; a server that fails again and again is not tried for a while; a
//! start that its caller gave up goes on, so that a slow server is ready for the next call.

mod backoff;
mod subscription;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use briefcase_ports::{ClientProfile, ServerLimits, UpstreamFailure};
use briefcase_types::{ServerId, SessionId};
use tokio_util::sync::CancellationToken;

use crate::{
    connection::Connection,
    handshake::{ConnectionOpening, KnownEras, PoolContext},
    server_messages::ListGenerations,
};
use backoff::Backoff;

/// A connection that is opened when needed.
pub(crate) struct Reconnect {
    pool: Arc<PoolContext>,
    server: ServerId,
    session: SessionId,
    eras: Arc<Mutex<HashMap<ServerId, KnownEras>>>,
    current: Mutex<Current>,
    opening: Arc<tokio::sync::Mutex<Backoff>>,
    /// Fires when this session no longer uses the server. A connection that is being opened is then given up.
    retired: CancellationToken,
    generations: Arc<ListGenerations>,
}

#[derive(Default)]
struct Current {
    connection: Option<Arc<Connection>>,
}

impl Reconnect {
    pub(crate) fn new(
        pool: Arc<PoolContext>,
        server: ServerId,
        session: SessionId,
        eras: Arc<Mutex<HashMap<ServerId, KnownEras>>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            pool,
            server,
            session,
            eras,
            current: Mutex::default(),
            opening: Arc::default(),
            retired: CancellationToken::new(),
            generations: Arc::default(),
        })
    }

    pub(crate) const fn server(&self) -> &ServerId {
        &self.server
    }

    /// How often the server's lists changed, over all connections.
    pub(crate) fn generations(&self) -> &ListGenerations {
        &self.generations
    }

    /// The server's limits as they are registered now.
    pub(crate) fn limits(&self) -> Result<ServerLimits, UpstreamFailure> {
        Ok(self.pool.catalog.spec(&self.server)?.limits)
    }

    /// The connection. Opens it if there is none.
    pub(crate) async fn connection(
        self: &Arc<Self>,
        client: &Arc<ClientProfile>,
    ) -> Result<Arc<Connection>, UpstreamFailure> {
        self.pool.gate.check().map_err(UpstreamFailure::Unrecorded)?;
        if let Some(connection) = self.open_connection() {
            return Ok(connection);
        }
        let mut backoff = Arc::clone(&self.opening).lock_owned().await;
        if let Some(connection) = self.open_connection() {
            return Ok(connection);
        }
        backoff.before_opening().await?;
        let (reconnect, client) = (Arc::clone(self), Arc::clone(client));
        let opening = tokio::spawn(async move {
            let opened = tokio::select! {
                () = reconnect.retired.cancelled() => Err(closed()),
                opened = reconnect.open(&client) => opened,
            };
            backoff.opened(opened.as_ref().err());
            reconnect.install(opened?, &client)
        });
        opening.await.unwrap_or_else(|_| Err(UpstreamFailure::Unreachable("shutting down".into())))
    }

    /// The connection, if it is open.
    pub(crate) fn open_connection(&self) -> Option<Arc<Connection>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.connection.as_ref().filter(|connection| connection.is_open()).cloned()
    }

    async fn open(&self, client: &ClientProfile) -> Result<Connection, UpstreamFailure> {
        let spec = self.pool.catalog.spec(&self.server)?;
        let mut known =
            self.eras.lock().unwrap_or_else(PoisonError::into_inner).get(&self.server).copied().unwrap_or_default();
        let is_first = known.modern != Some(true) && known.legacy != Some(true);
        let opening = ConnectionOpening {
            pool: &self.pool,
            server: &self.server,
            session: self.session,
            spec: &spec,
            client,
            generations: &self.generations,
            timeout: if is_first { spec.limits.first_open } else { spec.limits.open },
        };
        let opened = opening.open(&mut known).await;
        self.eras.lock().unwrap_or_else(PoisonError::into_inner).insert(self.server.clone(), known);
        opened
    }

    fn install(&self, connection: Connection, client: &ClientProfile) -> Result<Arc<Connection>, UpstreamFailure> {
        let connection = Arc::new(connection);
        self.generations.resources.fetch_add(1, Ordering::SeqCst);
        self.generations.prompts.fetch_add(1, Ordering::SeqCst);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if self.retired.is_cancelled() {
            return Err(closed());
        }
        subscription::start(&connection, client);
        current.connection = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Closes the connection for good.
    pub(crate) fn retire(&self, reason: &'static str) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        self.retired.cancel();
        if let Some(connection) = current.connection.take() {
            connection.transport.close(reason);
        }
    }

    /// Closes a connection that was not used for this long. The next call opens a new one.
    pub(crate) fn close_idle(&self, after: Duration) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = current.connection.take_if(|connection| connection.is_idle(after)) {
            connection.transport.close("idle");
        }
    }
}

fn closed() -> UpstreamFailure {
    UpstreamFailure::NotReady("the session or the server was closed".into())
}
