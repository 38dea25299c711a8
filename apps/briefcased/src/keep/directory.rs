//! Connects the upstream pool: server specifications from the authority document to it, server events to the MCP server.

use std::sync::{Arc, PoisonError, RwLock, Weak};

use briefcase_egress::{AddressPolicy, Target};
use briefcase_engine::{Engine, active_authority::AuthorityHandle, server_requests::RequestOrigin};
use briefcase_mcp_server::McpServer;
use briefcase_policy::authority::{EnvValue, Server, Transport};
use briefcase_ports::{BoxFuture, RpcError, ServerEvent};
use briefcase_types::{SecretName, ServerId, SessionId};
use briefcase_upstream::{self as upstream, Directory, HeaderSpec, NotReady, ServerLimits, ServerSpec, Watcher};
use bytes::Bytes;

use super::secrets::Secrets;

/// The registered servers, as the authority in force has them.
pub struct Servers {
    /// The authority in force.
    pub authority: AuthorityHandle,
    /// The secrets.
    pub secrets: Secrets,
}

impl Directory for Servers {
    fn spec(&self, name: &ServerId) -> Result<Arc<ServerSpec>, NotReady> {
        let authority = self.authority.current();
        let server = authority.document().servers.get(name).filter(|server| server.enabled);
        let server = server.ok_or_else(|| NotReady(format!("there is no server `{name}`, or it is switched off")))?;
        spec(server).map(Arc::new)
    }

    fn with_secret(&self, name: &SecretName, visit: &mut dyn FnMut(&str)) -> Result<(), NotReady> {
        self.secrets.show(name, visit)
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

impl Watcher for ServerMessages {
    fn event(&self, server: &ServerId, session: SessionId, event: upstream::ServerEvent) {
        let Some(Attached { mcp_server, .. }) = self.attached() else { return };
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
