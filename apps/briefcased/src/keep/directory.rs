//! Connects the upstream pool: server specifications from the authority document to it, server events to the MCP server.

use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};

use briefcase_egress::{AddressPolicy, Target};
use briefcase_engine::{Engine, server_requests::RequestOrigin};
use briefcase_mcp_server::McpServer;
use briefcase_policy::authority::{EnvValue, Server, Transport};
use briefcase_ports::{BoxFuture, RpcError, ServerEvent};
use briefcase_types::{SecretName, ServerId, SessionId};
use briefcase_upstream::{self as upstream, Directory, HeaderSpec, NotReady, ServerLimits, ServerSpec, Watcher};
use bytes::Bytes;

use super::secrets::Secrets;

/// What is made after the pool and needed by it.
#[derive(Default)]
pub struct Later {
    /// The engine.
    pub engine: OnceLock<Weak<Engine>>,
    /// The MCP server. It owns the engine and the pool, so [`Later::end`] drops it when the briefcase is locked.
    mcp_server: RwLock<Option<McpServer>>,
}

impl Later {
    /// Sets the MCP server.
    pub fn begin(&self, mcp_server: McpServer) {
        *self.mcp_server.write().unwrap_or_else(PoisonError::into_inner) = Some(mcp_server);
    }

    /// Drops the MCP server, which breaks the reference cycle.
    pub fn end(&self) {
        *self.mcp_server.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn mcp_server(&self) -> Option<McpServer> {
        self.mcp_server.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The pool's view of the daemon.
pub struct Servers {
    /// The secrets.
    pub secrets: Secrets,
    /// Filled once both exist.
    pub later: Arc<Later>,
}

impl Servers {
    fn engine(&self) -> Result<Arc<Engine>, NotReady> {
        let engine = self.later.engine.get().and_then(Weak::upgrade);
        engine.ok_or_else(|| NotReady("the briefcase is starting or shutting down".to_owned()))
    }
}

impl Directory for Servers {
    fn spec(&self, name: &ServerId) -> Result<Arc<ServerSpec>, NotReady> {
        let authority = self.engine()?.authority();
        let server = authority.document().servers.get(name).filter(|server| server.enabled);
        let server = server.ok_or_else(|| NotReady(format!("there is no server `{name}`, or it is switched off")))?;
        spec(server).map(Arc::new)
    }

    fn with_secret(&self, name: &SecretName, visit: &mut dyn FnMut(&str)) -> Result<(), NotReady> {
        self.secrets.show(&*self.engine()?, name, visit)
    }
}

/// Translates a registered server.
pub fn spec(server: &Server) -> Result<ServerSpec, NotReady> {
    let transport = match &server.transport {
        Transport::Http { url, headers } => {
            let header = |header: &briefcase_policy::authority::Header| {
                HeaderSpec::new(&header.name, &header.value, header.secret.clone())
                    .map_err(|error| NotReady(error.to_string()))
            };
            upstream::Transport::Http {
                target: target(url)?,
                headers: headers.iter().map(header).collect::<Result<_, _>>()?,
            }
        }
        Transport::Stdio { argv, env, cwd } => {
            let value = |(name, value): (&String, &EnvValue)| {
                let value = match value {
                    EnvValue::Literal(text) => upstream::EnvValue::Plain(text.clone()),
                    EnvValue::Secret(secret) => {
                        upstream::EnvValue::Secret { template: "{secret}".to_owned(), secret: secret.clone() }
                    }
                };
                (name.clone(), value)
            };
            let env = env.iter().map(value).collect();
            upstream::Transport::Stdio { argv: argv.clone(), env, cwd: cwd.as_ref().map(Into::into) }
        }
    };
    Ok(ServerSpec { transport, limits: ServerLimits::default() })
}

/// A person who registers a loopback address means this machine; any other host has to be public.
fn target(url: &str) -> Result<Target, NotReady> {
    let not_ready = |error: &dyn std::fmt::Display| NotReady(error.to_string());
    Target::parse(url, AddressPolicy::Loopback)
        .or_else(|_| Target::parse(url, AddressPolicy::Public))
        .map_err(|error| not_ready(&error))
}

/// What servers say outside of requests.
pub struct Announcements(pub Arc<Later>);

impl Watcher for Announcements {
    fn event(&self, server: &ServerId, session: SessionId, event: upstream::ServerEvent) {
        let Some(mcp_server) = self.0.mcp_server() else { return };
        let event = match event {
            upstream::ServerEvent::ToolsChanged => ServerEvent::ToolsChanged,
            upstream::ServerEvent::ResourcesChanged => ServerEvent::ResourcesChanged,
            upstream::ServerEvent::PromptsChanged => ServerEvent::PromptsChanged,
            upstream::ServerEvent::ResourceUpdated { uri } => ServerEvent::ResourceUpdated { uri },
            upstream::ServerEvent::Log { params } => ServerEvent::Log { params },
            upstream::ServerEvent::Notice { method, params } => ServerEvent::Notification { method, params },
            _ => return,
        };
        mcp_server.event(session, server, event);
    }

    fn ask<'a>(
        &'a self,
        server: &'a ServerId,
        session: SessionId,
        method: &'a str,
        params: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        Box::pin(async move {
            let disconnected = || RpcError { code: -32_000, message: "the client disconnected".to_owned(), data: None };
            let engine = self.0.engine.get().and_then(Weak::upgrade).ok_or_else(disconnected)?;
            let mcp_server = self.0.mcp_server().ok_or_else(disconnected)?;
            let agent = engine.session(session).ok_or_else(disconnected)?.agent.clone();
            let labels = engine.authority().document().labels(server, None);
            let origin = RequestOrigin { agent, session, server: server.clone() };
            let params = engine.admit(&origin, labels, method, params).await?;
            mcp_server.server_request(session, server, method, params).await
        })
    }
}
