//! One session's connection to one server: opened when needed, and again after it ended.
//!
//! Invariants: at most one connection is open at a time; a server that fails again and again is not tried for a while.

mod backoff;
mod subscription;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use briefcase_ports::{ClientProfile, ServerLimits, UpstreamFailure};
use briefcase_types::{ServerId, SessionId};

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
    opening: tokio::sync::Mutex<Backoff>,
    generations: Arc<ListGenerations>,
}

#[derive(Default)]
struct Current {
    connection: Option<Arc<Connection>>,
    /// Set when this session no longer uses the server. A connection that is being opened is then closed at once.
    retired: bool,
}

impl Reconnect {
    pub(crate) fn new(
        pool: Arc<PoolContext>,
        server: ServerId,
        session: SessionId,
        eras: Arc<Mutex<HashMap<ServerId, KnownEras>>>,
    ) -> Self {
        Self {
            pool,
            server,
            session,
            eras,
            current: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            generations: Arc::default(),
        }
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
    pub(crate) async fn connection(&self, client: &ClientProfile) -> Result<Arc<Connection>, UpstreamFailure> {
        if let Some(connection) = self.open_connection() {
            return Ok(connection);
        }
        let mut backoff = self.opening.lock().await;
        if let Some(connection) = self.open_connection() {
            return Ok(connection);
        }
        backoff.before_opening().await?;
        let opened = self.open(client).await;
        backoff.opened(opened.as_ref().err());
        self.install(opened?, client)
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
        let opening = ConnectionOpening {
            pool: &self.pool,
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

    fn install(&self, connection: Connection, client: &ClientProfile) -> Result<Arc<Connection>, UpstreamFailure> {
        let connection = Arc::new(connection);
        self.generations.resources.fetch_add(1, Ordering::SeqCst);
        self.generations.prompts.fetch_add(1, Ordering::SeqCst);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.retired {
            return Err(UpstreamFailure::NotReady("the session or the server was closed".into()));
        }
        subscription::start(&connection, client);
        current.connection = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Closes the connection for good.
    pub(crate) fn retire(&self, reason: &'static str) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.retired = true;
        if let Some(connection) = current.connection.take() {
            connection.transport.close(reason);
        }
    }
}
