//! How a server is reached: what a person registered, ready to be used.

use std::{path::PathBuf, time::Duration};

use briefcase_egress::Target;
use briefcase_types::SecretName;
use http::HeaderName;

/// A server as a person registered it.
#[derive(Clone, Debug)]
pub struct ServerSpec {
    /// How to reach it.
    pub transport: Transport,
    /// What it may cost.
    pub limits: ServerLimits,
}

/// How to reach a server.
#[derive(Clone, Debug)]
pub enum Transport {
    /// Streamable HTTP of either era, or the older HTTP+SSE when the server speaks nothing else.
    Http {
        /// The address, with the reach the person gave it.
        target: Target,
        /// Headers sent with every request.
        headers: Vec<HeaderSpec>,
    },
    /// A child process that speaks on its standard input and output.
    Stdio {
        /// Program and arguments, exactly; no shell reads them.
        argv: Vec<String>,
        /// Variables besides the few that every child gets.
        env: Vec<(String, EnvValue)>,
        /// Where it starts; the home folder when absent.
        cwd: Option<PathBuf>,
    },
}

/// One header, perhaps with a secret in it.
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
    /// Not a header name.
    #[error("this is not a header name")]
    Name,
    /// A header that the protocol sets itself.
    #[error("the header `{0}` is set by the protocol")]
    Reserved(HeaderName),
    /// `{secret}` without a secret, or a secret without `{secret}`.
    #[error(
        "write {{secret}} in the header's value exactly where the named secret goes, and name a secret when you do"
    )]
    Template,
}

/// The value of an environment variable.
#[derive(Clone, Debug)]
pub enum EnvValue {
    /// As it stands.
    Plain(String),
    /// With a secret in the place of `{secret}`.
    Secret {
        /// The text around it.
        template: String,
        /// Which.
        secret: SecretName,
    },
}

/// What a server may cost.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// The longest message from the server; at most 16 MiB whatever stands here.
    pub message: usize,
    /// To open a connection, handshake included.
    pub open: Duration,
    /// To list tools, resources or prompts, all pages.
    pub list: Duration,
    /// To wait for an answer when trying out an era on a child process.
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

/// What every child process gets from the machine: nothing else of the daemon's environment reaches it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// `PATH`, also used to find the program.
    pub path: String,
    /// `HOME`, and where children start.
    pub home: PathBuf,
    /// `LANG`.
    pub lang: String,
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
        if template.contains(SLOT) != secret.is_some() {
            return Err(HeaderSpecError::Template);
        }
        Ok(Self { name, template: template.to_owned(), secret })
    }

    /// The header's name.
    #[must_use]
    pub const fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The value with `{secret}` in the secret's place.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.template
    }

    /// The secret it uses.
    #[must_use]
    pub const fn secret(&self) -> Option<&SecretName> {
        self.secret.as_ref()
    }
}

/// Where a secret goes in a template.
pub(crate) const SLOT: &str = "{secret}";

impl ServerSpec {
    /// The secrets that the server's connection uses.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        let (headers, env): (&[HeaderSpec], &[(String, EnvValue)]) = match &self.transport {
            Transport::Http { headers, .. } => (headers, &[]),
            Transport::Stdio { env, .. } => (&[], env),
        };
        let in_env = env.iter().filter_map(|(_, value)| match value {
            EnvValue::Plain(_) => None,
            EnvValue::Secret { secret, .. } => Some(secret),
        });
        headers.iter().filter_map(HeaderSpec::secret).chain(in_env)
    }
}

impl ServerLimits {
    /// The structural limits of one message.
    pub(crate) fn json(&self) -> briefcase_json::Limits {
        let most = briefcase_json::Limits::UPSTREAM;
        briefcase_json::Limits { bytes: self.message.min(most.bytes), ..most }
    }
}
