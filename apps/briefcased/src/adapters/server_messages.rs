//! Passes server messages that belong to no call from the upstream pool to the MCP server.

use std::sync::{Arc, PoisonError, RwLock, Weak};

use briefcase_engine::{Engine, server_requests::RequestOrigin};
use briefcase_mcp_server::McpServer;
use briefcase_ports::{BoxFuture, RpcError, ServerEvent, ServerObserver};
use briefcase_types::{ServerId, SessionId};
use bytes::Bytes;

/// The observer of the upstream pool. The pool is made before the engine and the MCP server, so both are attached later.
#[derive(Default)]
pub struct ServerMessages(RwLock<Option<Attached>>);

#[derive(Clone)]
struct Attached {
    /// Authorizes server requests. The reference is weak: the engine owns the pool, which owns this.
    engine: Weak<Engine>,
    /// The MCP server owns the engine, so [`ServerMessages::detach`] drops it when the briefcase is locked.
    mcp_server: McpServer,
}

impl ServerMessages {
    /// Attaches the engine and the MCP server.
    pub fn attach(&self, engine: &Arc<Engine>, mcp_server: McpServer) {
        let attached = Attached { engine: Arc::downgrade(engine), mcp_server };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(attached);
    }

    /// Drops both, which breaks the reference cycle.
    pub fn detach(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn attached(&self) -> Option<Attached> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerObserver for ServerMessages {
    fn event(&self, server: &ServerId, session: SessionId, event: ServerEvent) {
        if let Some(Attached { mcp_server, .. }) = self.attached() {
            mcp_server.event(session, server, event);
        }
    }

    fn request<'a>(
        &'a self,
        server: &'a ServerId,
        session: SessionId,
        method: &'a str,
        params: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        Box::pin(async move {
            let disconnected = || RpcError { code: -32_000, message: "the client disconnected".to_owned(), data: None };
            let Attached { engine, mcp_server } = self.attached().ok_or_else(disconnected)?;
            let engine = engine.upgrade().ok_or_else(disconnected)?;
            let agent = engine.session(session).ok_or_else(disconnected)?.agent.clone();
            let labels = engine.authority().document().labels(server, None);
            let origin = RequestOrigin { agent, session, server: server.clone() };
            let params = engine.admit(&origin, labels, method, params).await?;
            let response = mcp_server.server_request(session, server, method, params).await;
            engine.admit_response(&origin, method, response).await
        })
    }
}
