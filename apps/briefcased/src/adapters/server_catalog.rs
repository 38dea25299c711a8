//! The registered servers of the authority in force, as the upstream pool uses them.

use std::sync::Arc;

use briefcase_engine::active_authority::AuthorityHandle;
use briefcase_policy::authority::{EnvValue, Header, Server, Transport};
use briefcase_ports::{Endpoint, HeaderSpec, NotReady, ServerCatalog, ServerLimits, ServerSpec};
use briefcase_types::ServerId;

/// The registered servers.
pub struct AuthorityServers(pub AuthorityHandle);

impl ServerCatalog for AuthorityServers {
    fn spec(&self, name: &ServerId) -> Result<Arc<ServerSpec>, NotReady> {
        let authority = self.0.current();
        let server = authority.document().servers.get(name).filter(|server| server.enabled);
        let server = server.ok_or_else(|| NotReady(format!("there is no server `{name}`, or it is switched off")))?;
        spec(server).map(Arc::new)
    }
}

/// The port's description of a registered server.
///
/// # Errors
/// A header is malformed.
pub fn spec(server: &Server) -> Result<ServerSpec, NotReady> {
    let endpoint = match &server.transport {
        Transport::Http { url, headers } => {
            let header = |header: &Header| {
                HeaderSpec::new(&header.name, &header.value, header.secret.clone())
                    .map_err(|error| NotReady(error.to_string()))
            };
            Endpoint::Http { url: url.clone(), headers: headers.iter().map(header).collect::<Result<_, _>>()? }
        }
        Transport::Stdio { argv, env, cwd } => {
            let value = |(name, value): (&String, &EnvValue)| {
                let value = match value {
                    EnvValue::Literal(text) => briefcase_ports::EnvValue::Plain(text.clone()),
                    EnvValue::Secret(secret) => {
                        briefcase_ports::EnvValue::Secret { template: "{secret}".to_owned(), secret: secret.clone() }
                    }
                };
                (name.clone(), value)
            };
            let env = env.iter().map(value).collect();
            Endpoint::Stdio { argv: argv.clone(), env, cwd: cwd.as_ref().map(Into::into) }
        }
    };
    Ok(ServerSpec { endpoint, limits: ServerLimits::default() })
}
