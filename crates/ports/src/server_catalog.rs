//! The ports through which adapters learn how a server is reached, and use secrets.

use std::{path::PathBuf, sync::Arc, time::Duration};

use briefcase_types::{SecretName, ServerId};
use http::HeaderName;

use crate::UpstreamFailure;

/// Why a server cannot be used now, for a person: it is unknown or disabled, or its secret is missing or locked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotReady(pub String);

impl From<NotReady> for UpstreamFailure {
    fn from(reason: NotReady) -> Self {
        Self::NotReady(reason.0)
    }
}

/// The registered servers.
pub trait ServerCatalog: Send + Sync {
    /// How to reach a server. Adapters ask each time they open a connection.
    fn spec(&self, server: &ServerId) -> Result<Arc<ServerSpec>, NotReady>;
}

/// The secrets.
pub trait SecretSource: Send + Sync {
    /// Shows a secret to `visit` only. Adapters ask for each HTTP request and each start of a child process: a rotated secret
    /// takes effect at once, and a locked vault stops calls at once.
    fn with_secret(&self, name: &SecretName, visit: &mut dyn FnMut(&str)) -> Result<(), NotReady>;
}

/// A server as a person registered it.
#[derive(Clone, Debug)]
pub struct ServerSpec {
    /// How to reach the server.
    pub endpoint: Endpoint,
    /// What the server may cost.
    pub limits: ServerLimits,
}

/// How to reach a server.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// Streamable HTTP of either era, or the older HTTP+SSE when the server speaks nothing else.
    Http {
        /// The URL. A loopback address means this machine; any other host has to be public.
        url: String,
        /// Headers sent with every request.
        headers: Vec<HeaderSpec>,
    },
    /// A child process that speaks on its standard input and output.
    Stdio {
        /// Program and arguments, exactly; no shell reads them.
        argv: Vec<String>,
        /// Variables besides the few that every child gets.
        env: Vec<(String, EnvValue)>,
        /// The working directory; the home folder when absent.
        cwd: Option<PathBuf>,
    },
}

/// A header that is sent with every request, perhaps with a secret in it.
#[derive(Clone, Debug)]
pub struct HeaderSpec {
    name: HeaderName,
    template: String,
    secret: Option<SecretName>,
}

/// Why a header cannot be sent with every request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderSpecError {
    /// The name is not a header name.
    #[error("this is not a header name")]
    Name,
    /// The protocol sets this header itself.
    #[error("the header `{0}` is set by the protocol")]
    Reserved(HeaderName),
    /// The value has `{secret}` but no secret, or a secret but no `{secret}`.
    #[error(
        "write {{secret}} in the header's value exactly where the named secret goes, and name a secret when you do"
    )]
    Template,
}

/// The value of an environment variable.
#[derive(Clone, Debug)]
pub enum EnvValue {
    /// The value itself.
    Plain(String),
    /// A value with a secret in the place of `{secret}`.
    Secret {
        /// The text around it.
        template: String,
        /// The secret's name.
        secret: SecretName,
    },
}

/// What a server may cost.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// The longest message from the server, in bytes. Values above 16 MiB count as 16 MiB.
    pub message: usize,
    /// The time to open a connection, handshake included.
    pub open: Duration,
    /// The time to list tools, resources or prompts, all pages.
    pub list: Duration,
    /// The time to wait for an answer when probing which era a child process speaks.
    pub probe: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            message: 4 << 20,
            open: Duration::from_secs(30),
            list: Duration::from_secs(30),
            probe: Duration::from_secs(5),
        }
    }
}

/// The text in a template that stands for the secret.
pub const SECRET_PLACEHOLDER: &str = "{secret}";

/// Headers that carry the protocol or the framing.
const RESERVED: [&str; 13] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "last-event-id",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl HeaderSpec {
    /// A header whose value is `template`, with `{secret}` replaced by the secret.
    pub fn new(name: &str, template: &str, secret: Option<SecretName>) -> Result<Self, HeaderSpecError> {
        let name = HeaderName::try_from(name).map_err(|_| HeaderSpecError::Name)?;
        if RESERVED.contains(&name.as_str()) || name.as_str().starts_with("mcp-") {
            return Err(HeaderSpecError::Reserved(name));
        }
        if template.contains(SECRET_PLACEHOLDER) != secret.is_some() {
            return Err(HeaderSpecError::Template);
        }
        Ok(Self { name, template: template.to_owned(), secret })
    }

    /// The header's name.
    #[must_use]
    pub const fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The value, with `{secret}` in the secret's place.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.template
    }

    /// The secret in the value.
    #[must_use]
    pub const fn secret(&self) -> Option<&SecretName> {
        self.secret.as_ref()
    }
}

impl ServerSpec {
    /// The secrets that the server's connection uses.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        let (headers, env): (&[HeaderSpec], &[(String, EnvValue)]) = match &self.endpoint {
            Endpoint::Http { headers, .. } => (headers, &[]),
            Endpoint::Stdio { env, .. } => (&[], env),
        };
        let in_env = env.iter().filter_map(|(_, value)| match value {
            EnvValue::Plain(_) => None,
            EnvValue::Secret { secret, .. } => Some(secret),
        });
        headers.iter().filter_map(HeaderSpec::secret).chain(in_env)
    }
}
