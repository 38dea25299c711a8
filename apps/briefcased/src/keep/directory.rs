//! Connects the upstream pool: server specifications from the authority document to it, server events to the MCP server.

use std::sync::{Arc, PoisonError, RwLock, Weak};

use briefcase_engine::{Engine, active_authority::AuthorityHandle, server_requests::RequestOrigin};
use briefcase_mcp_server::McpServer;
use briefcase_policy::authority::Server;
use briefcase_ports::{
    BoxFuture, NotReady, RpcError, SecretSource, ServerCatalog, ServerEvent, ServerObserver, UpstreamSpec,
};
use briefcase_types::{SecretName, ServerId, SessionId};
use bytes::Bytes;

use super::secrets::Secrets;

/// The registered servers, as the authority in force has them.
pub struct Servers {
    /// The authority in force.
    pub authority: AuthorityHandle,
    /// The secrets.
    pub secrets: Secrets,
}

impl ServerCatalog for Servers {
    fn spec(&self, name: &ServerId) -> Result<Arc<UpstreamSpec>, NotReady> {
        let authority = self.authority.current();
        let server = authority.document().servers.get(name).filter(|server| server.enabled);
        let server = server.ok_or_else(|| NotReady(format!("there is no server `{name}`, or it is switched off")))?;
        spec(server).map(Arc::new)
    }
}

impl SecretSource for Servers {
    fn with_secret(&self, name: &SecretName, visit: &mut dyn FnMut(&str)) -> Result<(), NotReady> {
        self.secrets.show(name, visit)
    }
}

/// Translates a registered server.
pub fn spec(server: &Server) -> Result<UpstreamSpec, NotReady> {
    UpstreamSpec::new(server.transport.clone()).map_err(|error| NotReady(error.to_string()))
}

/// Passes server messages that belong to no call to the MCP server. The pool is made before both, so they are attached later.
#[derive(Default)]
pub struct ServerMessages(RwLock<Option<Attached>>);

#[derive(Clone)]
struct Attached {
    /// Policy decides on server requests. The reference is weak: the engine owns the pool, which owns this.
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
            mcp_server.server_request(session, server, method, params).await
        })
    }
}
