//! The ports through which adapters learn how a server is reached, and use secrets.

use std::{sync::Arc, time::Duration};

use briefcase_types::{HeaderTemplate, SECRET_PLACEHOLDER, SecretName, ServerId, Transport};
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
    fn spec(&self, server: &ServerId) -> Result<Arc<UpstreamSpec>, NotReady>;
}

/// The secrets.
pub trait SecretSource: Send + Sync {
    /// Shows a secret to `visit` only. Adapters ask for each HTTP request and each start of a child process: a rotated secret
    /// takes effect at once, and a locked vault stops calls at once.
    fn with_secret(&self, name: &SecretName, visit: &mut dyn FnMut(&str)) -> Result<(), NotReady>;
}

/// A server as the pool connects to it.
#[derive(Clone, Debug)]
pub struct UpstreamSpec {
    /// How to reach the server.
    pub transport: Transport,
    /// What the server may cost.
    pub limits: ServerLimits,
    /// Whether the server is told the name of the agent's client.
    pub names_client: bool,
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

impl TryFrom<&HeaderTemplate> for HeaderSpec {
    type Error = HeaderSpecError;

    fn try_from(header: &HeaderTemplate) -> Result<Self, Self::Error> {
        Self::new(&header.name, &header.value, header.secret.clone())
    }
}

impl UpstreamSpec {
    /// A server with the usual limits.
    ///
    /// # Errors
    /// See [`HeaderSpecError`].
    pub fn new(transport: Transport) -> Result<Self, HeaderSpecError> {
        match &transport {
            Transport::Http { headers, .. } => {
                headers.iter().try_for_each(|header| HeaderSpec::try_from(header).map(drop))?;
            }
            Transport::Stdio { .. } => {}
        }
        Ok(Self { transport, limits: ServerLimits::default(), names_client: false })
    }
}
