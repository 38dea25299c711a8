//! Servers, and their accepted tools.

use std::collections::BTreeMap;

use briefcase_types::{Digest, Money, SecretName, ToolName};
use serde::{Deserialize, Serialize};

use crate::label::{Label, Labels};

/// An upstream server, as a person registered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The transport to the server.
    pub transport: Transport,
    /// A disabled server is not connected and its tools are not shown.
    pub enabled: bool,
    /// The labels of its results and arguments.
    pub labels: Labels,
    /// The reads that need no approval, other than tools.
    #[serde(default)]
    pub reads_granted: ReadsGranted,
    /// The accepted tools.
    #[serde(default)]
    pub pins: BTreeMap<ToolName, Pin>,
    /// The times at which its current definitions are compared with the pins.
    #[serde(default)]
    pub pin_check: PinCheck,
}

/// The transport to a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Transport {
    /// Streamable HTTP.
    Http {
        /// The endpoint.
        url: String,
        /// Headers sent with each request.
        #[serde(default)]
        headers: Vec<ServerHeader>,
    },
    /// A child process, started without a shell.
    Stdio {
        /// The program and its arguments.
        argv: Vec<String>,
        /// The child's environment, in addition to what every process needs.
        #[serde(default)]
        env: BTreeMap<String, ServerEnvValue>,
        /// The working folder.
        #[serde(default)]
        cwd: Option<String>,
    },
}

/// A header sent with each request to one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerHeader {
    /// The field name.
    pub name: String,
    /// The value, with `{secret}` as the placeholder for the secret.
    pub value: String,
    /// The secret, if the value has the placeholder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretName>,
}

/// The value of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ServerEnvValue {
    /// The text itself.
    Literal(String),
    /// The value of a secret in the vault.
    Secret(SecretName),
}

/// The reads of a server that need no approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadsGranted {
    /// Resources and resource templates.
    pub resources: bool,
    /// Prompts and completion.
    pub prompts: bool,
}

/// The times at which current definitions are compared with the pins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinCheck {
    /// At every list and before every call.
    #[default]
    EveryCall,
    /// At every list, and when the server announces a changed list. Faster. A silent change between a list and a call
    /// is noticed at the next list.
    OnNotice,
}

/// A tool definition that a person accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The digest of the definition ([`crate::pin::pin`]).
    pub digest: Digest,
    /// The person's class for the tool.
    #[serde(default)]
    pub class: Class,
    /// The cost of one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Whether its arguments are private: receipts and lists show commitments only.
    #[serde(default)]
    pub private_args: bool,
    /// The labels of its results and arguments, in addition to its server's labels.
    #[serde(default)]
    pub labels: Labels,
}

/// The class that a person gives a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The tool only reads.
    Read,
    /// The tool writes, sends, deletes or buys.
    Write,
    /// No person has classified the tool.
    #[default]
    Unknown,
}

impl Class {
    /// The class as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Unknown => "unknown",
        }
    }
}

impl std::str::FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Read, Self::Write, Self::Unknown]
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or_else(|| "a class is `read`, `write` or `unknown`".to_owned())
    }
}

impl Transport {
    /// `http` or `stdio`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Http { .. } => "http",
            Self::Stdio { .. } => "stdio",
        }
    }

    /// The labels of a new server: its results are untrusted, and the arguments of a remote server leave the machine.
    #[must_use]
    pub fn starting_labels(&self) -> Labels {
        let labels = Labels::NONE.with(Label::UntrustedContent);
        match self {
            Self::Http { .. } => labels.with(Label::External),
            Self::Stdio { .. } => labels,
        }
    }

    /// The secrets that the transport uses.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        let (headers, env) = match self {
            Self::Http { headers, .. } => (Some(headers), None),
            Self::Stdio { env, .. } => (None, Some(env)),
        };
        let from_headers = headers.into_iter().flatten().filter_map(|header| header.secret.as_ref());
        let from_env = env.into_iter().flat_map(BTreeMap::values).filter_map(|value| match value {
            ServerEnvValue::Secret(name) => Some(name),
            ServerEnvValue::Literal(_) => None,
        });
        from_headers.chain(from_env)
    }
}

impl Server {
    /// A newly registered server: enabled, with no accepted tools and no granted reads.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self {
            labels: transport.starting_labels(),
            transport,
            enabled: true,
            reads_granted: ReadsGranted::default(),
            pins: BTreeMap::new(),
            pin_check: PinCheck::default(),
        }
    }
}
