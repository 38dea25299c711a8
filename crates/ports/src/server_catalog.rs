//! The ports through which adapters learn how a server is reached, and use secrets.

use std::{sync::Arc, time::Duration};

use briefcase_types::{
    HeaderTemplate, LoopbackOwner, SECRET_PLACEHOLDER, SecretName, ServerId, ServerSettings, Transport,
};
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
    /// Whether the server gets the name of the agent's client.
    pub names_client: bool,
    /// Whether a local server's standard input and output are pipes.
    pub pipes: bool,
    /// The process that listened on the server's port when it was accepted.
    pub loopback_owner: Option<LoopbackOwner>,
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
    /// The longest message from the server, in bytes. Values above 64 MiB count as 64 MiB.
    pub message: usize,
    /// The time to open a connection, handshake included.
    pub open: Duration,
    /// The same for the first connection, which may download the program.
    pub first_open: Duration,
    /// The time to list tools, resources or prompts, all pages.
    pub list: Duration,
    /// The time to wait for an answer when probing which era a child process speaks.
    pub probe: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        let open = Duration::from_secs(ServerSettings::START_TIMEOUT.into());
        Self {
            message: usize::try_from(ServerSettings::MESSAGE_BYTES).unwrap_or(usize::MAX),
            open,
            first_open: open,
            list: Duration::from_secs(30),
            probe: Duration::from_secs(5),
        }
    }
}

/// The time for a first start that downloads the program.
const FIRST_DOWNLOAD: Duration = Duration::from_secs(300);

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
    /// A server with the limits of its settings.
    ///
    /// # Errors
    /// See [`HeaderSpecError`].
    pub fn new(transport: Transport, settings: &ServerSettings) -> Result<Self, HeaderSpecError> {
        match &transport {
            Transport::Http { headers, .. } => {
                headers.iter().try_for_each(|header| HeaderSpec::try_from(header).map(drop))?;
            }
            Transport::Stdio { .. } => {}
        }
        let limits = ServerLimits::of(&transport, settings);
        Ok(Self {
            transport,
            limits,
            names_client: settings.client_identity,
            pipes: settings.pipes,
            loopback_owner: settings.loopback_owner.clone(),
        })
    }
}

impl ServerLimits {
    /// The limits of a server with these settings.
    fn of(transport: &Transport, settings: &ServerSettings) -> Self {
        let usual = Self::default();
        let open = settings.start_timeout_s.map(|seconds| Duration::from_secs(seconds.into()));
        let downloads = matches!(transport, Transport::Stdio { argv, .. } if is_package_runner(argv));
        let first_open = open.unwrap_or(if downloads { FIRST_DOWNLOAD } else { usual.open });
        let message = settings.message_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        Self { message: message.unwrap_or(usual.message), open: open.unwrap_or(usual.open), first_open, ..usual }
    }
}

/// Whether the command downloads its program before it runs it.
fn is_package_runner(argv: &[String]) -> bool {
    const ALONE: [&str; 6] = ["npx", "uvx", "bunx", "pnpx", "dnx", "docker"];
    const WITH: [(&str, &str); 12] = [
        ("npm", "exec"),
        ("npm", "x"),
        ("pnpm", "dlx"),
        ("yarn", "dlx"),
        ("bun", "x"),
        ("uv", "run"),
        ("uv", "tool"),
        ("pipx", "run"),
        ("podman", "run"),
        ("go", "run"),
        ("cargo", "run"),
        ("deno", "run"),
    ];
    let Some((program, arguments)) = argv.split_first() else { return false };
    let name = program.rsplit('/').next().unwrap_or(program);
    ALONE.contains(&name)
        || WITH.iter().any(|(runner, command)| *runner == name && arguments.iter().any(|argument| argument == command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(argv: &[&str], settings: &ServerSettings) -> ServerLimits {
        let argv = argv.iter().map(ToString::to_string).collect();
        let transport = Transport::Stdio { argv, env: std::collections::BTreeMap::new(), cwd: None };
        UpstreamSpec::new(transport, settings).unwrap().limits
    }

    #[test]
    fn a_first_start_that_downloads_its_program_gets_more_time() {
        let usual = ServerSettings::default();
        for argv in [
            vec!["npx", "-y", "x"],
            vec!["/usr/bin/npx", "x"],
            vec!["uvx", "x"],
            vec!["uv", "--quiet", "tool", "run", "x"],
            vec!["docker", "run", "x"],
            vec!["pipx", "run", "x"],
        ] {
            let limits = limits(&argv, &usual);
            assert_eq!((limits.open.as_secs(), limits.first_open.as_secs()), (60, 300), "{argv:?}");
        }
        for argv in [vec!["node", "npx"], vec!["my-npx"], vec!["uv"], vec![]] {
            assert_eq!(limits(&argv, &usual).first_open.as_secs(), 60, "{argv:?}");
        }
    }

    #[test]
    fn a_setting_takes_the_place_of_each_default() {
        let settings =
            ServerSettings { start_timeout_s: Some(7), message_bytes: Some(64 << 20), ..ServerSettings::default() };
        let limits = limits(&["npx", "x"], &settings);
        assert_eq!((limits.open.as_secs(), limits.first_open.as_secs(), limits.message), (7, 7, 64 << 20));
    }
}
