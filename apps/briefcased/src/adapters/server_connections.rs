//! The connections to servers and agents, as the admin API uses them.

use std::sync::Arc;

use briefcase_admin_http::{ProbeConnections, ProbeError, ServerConnections};
use briefcase_egress::{AddressPolicy, Egress, EgressError, EgressSettings};
use briefcase_engine::Engine;
use briefcase_mcp_server::McpServer;
use briefcase_policy::authority::Server;
use briefcase_ports::{
    BoxFuture, NotReady, RpcError, SendGate, ServerCatalog, ServerEvent, ServerObserver, UpstreamSpec, Upstreams,
};
use briefcase_types::{AgentId, LoopbackOwner, ServerId, SessionId, Transport};
use briefcase_upstream::{Pool, PoolParts, http_target, loopback_listener};
use bytes::Bytes;

use super::{secrets::Secrets, server_catalog};
use crate::environment::ChildProcesses;

/// The pool of connections, the sessions and the MCP server of an unlocked briefcase.
pub struct DaemonConnections {
    /// The connections to registered servers.
    pub pool: Arc<Pool>,
    /// The sessions.
    pub engine: Arc<Engine>,
    /// The agents' clients.
    pub mcp_server: McpServer,
    /// The secrets that probed servers need.
    pub secrets: Arc<Secrets>,
    /// How probed servers start.
    pub children: ChildProcesses,
    /// Whether the record can still be written, so that servers may be probed.
    pub gate: SendGate,
}

impl ServerConnections for DaemonConnections {
    fn count(&self, server: &ServerId) -> usize {
        self.pool.connections(server)
    }

    fn forget_server(&self, server: &ServerId) {
        self.pool.forget_server(server);
    }

    fn disconnect_agent(&self, agent: &AgentId) {
        self.mcp_server.remove_agent(agent);
        for session in self.engine.sessions().into_iter().filter(|session| session.agent == *agent) {
            session.close();
            self.pool.close_session(session.id);
        }
    }

    fn for_probe(&self, server: &Server) -> Result<Box<dyn ProbeConnections>, ProbeError> {
        let invalid = |error: &dyn std::fmt::Display| ProbeError::InvalidServer(error.to_string());
        let spec = server_catalog::spec(server).map_err(|error| invalid(&error))?;
        if let Transport::Http { url, .. } = &spec.transport {
            http_target(url).map_err(|error| invalid(&error))?;
        }
        let egress =
            Egress::new(EgressSettings::default()).map_err(|error| ProbeError::Unavailable(error.to_string()))?;
        Ok(Box::new(ProbePool(Pool::new(PoolParts {
            catalog: Arc::new(SingleServer(Arc::new(spec))),
            secrets: self.secrets.clone(),
            observer: Arc::new(NoClient),
            launcher: Arc::clone(&self.children.launcher),
            egress,
            environment: self.children.environment.clone(),
            gate: self.gate.clone(),
        }))))
    }

    fn listener<'a>(&'a self, server: &'a Server) -> BoxFuture<'a, Result<Option<LoopbackOwner>, ProbeError>> {
        Box::pin(async move {
            let invalid = |error: &dyn std::fmt::Display| ProbeError::InvalidServer(error.to_string());
            let Transport::Http { url, .. } = &server.transport else {
                return Err(invalid(&"only a server with a URL has a listener"));
            };
            let target = http_target(url).map_err(|error| invalid(&error))?;
            if target.address_policy() != AddressPolicy::Loopback {
                return Err(invalid(&"the server is on another machine"));
            }
            let unavailable = |error: EgressError| ProbeError::Unavailable(error.to_string());
            let egress = Egress::new(EgressSettings::default()).map_err(unavailable)?;
            loopback_listener(&egress, target).await.map_err(unavailable)
        })
    }
}

/// A catalog of one server under every name.
struct SingleServer(Arc<UpstreamSpec>);

impl ServerCatalog for SingleServer {
    fn spec(&self, _: &ServerId) -> Result<Arc<UpstreamSpec>, NotReady> {
        Ok(Arc::clone(&self.0))
    }
}

/// The observer of a probe: no client receives messages or answers requests.
struct NoClient;

impl ServerObserver for NoClient {
    fn event(&self, _: &ServerId, _: SessionId, _: ServerEvent) {}

    fn request<'a>(
        &'a self,
        _: &'a ServerId,
        _: SessionId,
        _: &'a str,
        _: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        Box::pin(async { Err(RpcError { code: -32_000, message: "no client is connected".to_owned(), data: None }) })
    }
}

/// The pool of one probe.
struct ProbePool(Pool);

impl ProbeConnections for ProbePool {
    fn upstreams(&self) -> &dyn Upstreams {
        &self.0
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.shutdown())
    }
}
