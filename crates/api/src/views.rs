//! Responses of the reading routes, and the small bodies of the remaining routes.

use std::collections::BTreeMap;

use briefcase_types::{
    AgentId, Digest, EnvValue, HeaderTemplate, SecretName, ServerId, ServerSettings, ToolName, Transport, UnixMillis,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The state of the daemon. Served while the vault is locked too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// The state: `locked`, `ready`, or `failed` (the record cannot be written).
    pub state: String,
    /// The failure, and the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub problem: Option<crate::Problem>,
    /// The record's time beside the computer's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub clock: Option<ClockStatus>,
    /// The time at which the daemon started.
    pub started: UnixMillis,
    /// The version of the authority document.
    pub authority_version: u64,
    /// The number of receipts in the log.
    pub receipts: u64,
    /// The number of pending approval requests.
    pub approvals: u64,
    /// The number of connected sessions.
    pub sessions: u64,
    /// The number of registered servers.
    pub servers: u64,
    /// The console's address. It grants no access by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub console: Option<String>,
}

/// The record's time beside the computer's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ClockStatus {
    /// The record's time.
    pub now: UnixMillis,
    /// The time of the computer's clock.
    pub computer: UnixMillis,
    /// The reason why they differ, and the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub problem: Option<crate::Problem>,
}

/// The key that opens the vault.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(concrete(S = String)))]
#[serde(rename_all = "snake_case")]
pub enum Unlock<S = String> {
    /// The passphrase.
    Passphrase(S),
    /// The generated unlock key.
    UnlockKey(S),
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The protection is on.
    Ok,
    /// The protection is weaker than it could be.
    Warn,
    /// The protection is broken.
    Fail,
}

/// One finding of `doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Check {
    /// The stable name, such as `undumpable`.
    pub name: String,
    /// The severity.
    pub severity: Severity,
    /// The finding, for a person.
    pub message: String,
    /// The next step, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub next_step: Option<String>,
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct AgentView {
    /// The agent's name.
    pub name: AgentId,
    /// The time at which the agent was added.
    pub created: UnixMillis,
    /// The number of connected sessions.
    pub sessions: u64,
    /// The labels of what the agent has read lately.
    pub labels: Vec<String>,
}

/// The contract's form of a [`Transport`]: secrets of the environment are members of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "transport", rename_all = "snake_case", deny_unknown_fields)]
pub enum ServerSpec {
    /// A server over Streamable HTTP.
    Http {
        /// The URL.
        url: String,
        /// Headers sent with every request.
        #[serde(default)]
        headers: Vec<HeaderTemplate>,
        /// The settings that differ from their defaults.
        #[serde(default, skip_serializing_if = "ServerSettings::is_default")]
        #[cfg_attr(feature = "typescript", ts(as = "Option<ServerSettings>", optional))]
        settings: Box<ServerSettings>,
    },
    /// A local command, run without a shell.
    Stdio {
        /// Program and arguments.
        argv: Vec<String>,
        /// Environment variables with literal values.
        #[serde(default)]
        #[cfg_attr(feature = "typescript", ts(type = "Record<string, string>"))]
        env: BTreeMap<String, String>,
        /// Environment variables whose values are secrets, by name.
        #[serde(default)]
        #[cfg_attr(feature = "typescript", ts(type = "Record<string, string>"))]
        secret_env: BTreeMap<String, SecretName>,
        /// The working directory; the home folder when absent.
        #[serde(default)]
        cwd: Option<String>,
        /// The settings that differ from their defaults.
        #[serde(default, skip_serializing_if = "ServerSettings::is_default")]
        #[cfg_attr(feature = "typescript", ts(as = "Option<ServerSettings>", optional))]
        settings: Box<ServerSettings>,
    },
}

impl ServerSpec {
    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &ServerSettings {
        match self {
            Self::Http { settings, .. } | Self::Stdio { settings, .. } => settings,
        }
    }

    /// The same server with other settings.
    #[must_use]
    pub fn with_settings(mut self, new: ServerSettings) -> Self {
        match &mut self {
            Self::Http { settings, .. } | Self::Stdio { settings, .. } => **settings = new,
        }
        self
    }
}

/// A variable that has a literal value and a secret keeps the secret.
impl From<ServerSpec> for Transport {
    fn from(spec: ServerSpec) -> Self {
        match spec {
            ServerSpec::Http { url, headers, .. } => Self::Http { url, headers },
            ServerSpec::Stdio { argv, env, secret_env, cwd, .. } => {
                let literals = env.into_iter().map(|(name, value)| (name, EnvValue::Literal(value)));
                let secrets = secret_env.into_iter().map(|(name, secret)| (name, EnvValue::Secret(secret)));
                Self::Stdio { argv, env: literals.chain(secrets).collect(), cwd }
            }
        }
    }
}

impl From<Transport> for ServerSpec {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Http { url, headers } => Self::Http { url, headers, settings: Box::default() },
            Transport::Stdio { argv, env: variables, cwd } => {
                let (mut env, mut secret_env) = (BTreeMap::new(), BTreeMap::new());
                for (name, value) in variables {
                    match value {
                        EnvValue::Literal(text) => drop(env.insert(name, text)),
                        EnvValue::Secret(secret) => drop(secret_env.insert(name, secret)),
                    }
                }
                Self::Stdio { argv, env, secret_env, cwd, settings: Box::default() }
            }
        }
    }
}

/// The body of `POST /v1/servers/probe`: how to reach the server, and evidence of presence when a secret is sent to it.
///
/// A probe with a secret hands the secret over, as much as a registration does.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(concrete(S = String)))]
#[serde(untagged)]
pub enum Look<S = String> {
    /// A probe that sends secrets.
    Proven {
        /// How to reach the server.
        spec: ServerSpec,
        /// The evidence.
        evidence: crate::Evidence<S>,
    },
    /// A probe without evidence: the server is sent no secret, or is registered in exactly this way.
    Bare(ServerSpec),
}

/// One difference between two definitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct FieldDifference {
    /// The JSON pointer of the changed value.
    pub path: String,
    /// The old value, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub old: Option<String>,
    /// The new value, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub new: Option<String>,
    /// Whether the value only describes, so that a person may accept that the server changes it.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
    pub may_vary: bool,
}

/// A part of a definition that cannot be checked or used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct DefinitionProblem {
    /// The JSON pointer of the part.
    pub path: String,
    /// The value as JSON text, cut. Empty when it is absent.
    pub value: String,
    /// The reason.
    pub reason: String,
}

const fn is_false(value: &bool) -> bool {
    !*value
}

/// A tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ToolView {
    /// The tool's server.
    pub server: ServerId,
    /// The tool's name here: the server's own, or an alias of it.
    pub name: String,
    /// The server's own name, made printable, where `name` is an alias of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub own_name: Option<String>,
    /// The name that agents see, where it differs from `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub shown_name: Option<String>,
    /// The state: `accepted`, `changed`, `new`, `gone` or `quarantined`.
    pub state: String,
    /// The class that a person set: `read`, `write` or `unknown`.
    pub class: String,
    /// The risk: `low`, `medium` or `high`.
    pub risk: String,
    /// The price per call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub cost: Option<String>,
    /// The server's own title or first line of its description, made printable.
    pub summary: String,
    /// The server's claims (`readOnlyHint`, …). They never lower the risk.
    pub hints: Vec<String>,
    /// The poisoning signals found in the definition.
    pub flags: Vec<String>,
    /// The differences of a `changed` tool.
    #[serde(default)]
    pub differences: Vec<FieldDifference>,
    /// The differences between two looks at the server, one after the other: it changes its definitions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<Vec<FieldDifference>>", optional))]
    pub between_looks: Vec<FieldDifference>,
    /// The places of the definition whose text the server may change, as a person accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<Vec<String>>", optional))]
    pub varying: Vec<String>,
    /// The parts of the definition that are not checked, or that quarantine the tool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<Vec<DefinitionProblem>>", optional))]
    pub unchecked: Vec<DefinitionProblem>,
    /// Whether no part of the arguments can be checked. Then every call asks, whatever the class is.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
    pub always_asks: bool,
    /// The next step for the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub next_step: Option<String>,
}

/// The current offer of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Probe {
    /// The digest of the offer. A change that accepts the offer names it.
    pub digest: Digest,
    /// The protocol version: `2025-11-25`, `2026-07-28`, …
    pub protocol: String,
    /// The server's own name, made printable. Never used to tell servers apart.
    pub calls_itself: String,
    /// The server's tools.
    pub tools: Vec<ToolView>,
    /// The number of resources and templates.
    pub resources: u64,
    /// The number of prompts.
    pub prompts: u64,
    /// The duration of the probe, in milliseconds.
    pub took_ms: u64,
    /// What a person should know besides: an incomplete list, the listener of a port of this machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<Vec<String>>", optional))]
    pub notes: Vec<String>,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ServerView {
    /// The server's name.
    pub name: ServerId,
    /// How the server is reached, with secrets by name only.
    pub spec: ServerSpec,
    /// Whether the server is enabled.
    pub enabled: bool,
    /// The number of accepted tools.
    pub tools: u64,
    /// The number of open connections.
    pub connections: u64,
    /// Whether resources and prompts may be read without an approval.
    pub reads_granted: bool,
    /// The settings that differ from their defaults.
    #[serde(default, skip_serializing_if = "ServerSettings::is_default")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<ServerSettings>", optional))]
    pub settings: ServerSettings,
    /// Whether the server is on this machine, gets a secret, and no listener of its port was accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
    pub unbound_listener: bool,
}

/// A saved approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct GrantView {
    /// The grant's id.
    pub id: String,
    /// The agent.
    pub agent: AgentId,
    /// The server.
    pub server: ServerId,
    /// The tool.
    pub tool: ToolName,
    /// The rule for each argument.
    #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
    pub fixed: Value,
    /// The time at which the grant expires.
    pub expires: UnixMillis,
}

/// A budget and its use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct BudgetView {
    /// The scope for a person, such as `agent claude-code, server mail`.
    pub scope: String,
    /// The window: `call`, `hour`, `day`, `month` or `all`.
    pub window: String,
    /// The limit, such as `100 calls` or `5.00 USD`.
    pub limit: String,
    /// The amount spent and reserved in this window, in the same unit.
    pub used: String,
    /// The used amount in thousandths of the limit.
    pub permille: u64,
}

/// A secret without its value, which no route returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SecretView {
    /// The secret's name.
    pub name: SecretName,
    /// The version, counted from 1.
    pub version: u64,
    /// The servers that use the secret.
    pub used_by: Vec<ServerId>,
}

/// A factor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct FactorView {
    /// The factor's id.
    pub id: String,
    /// The kind: `pin` or `passkey`.
    pub kind: String,
    /// The person's name for the factor.
    pub label: String,
    /// The time of the enrolment.
    pub created: UnixMillis,
}

/// A request for a backup.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(concrete(S = String)))]
pub struct Backup<S = String> {
    /// The passphrase of the archive.
    pub passphrase: S,
    /// The evidence, bound to the digest of the word `backup`: a backup contains everything.
    pub evidence: crate::Evidence<S>,
}

/// A one-time address for a browser.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ConsoleLogin {
    /// The address `http://localhost:PORT/#code`, valid once, for 60 seconds.
    pub url: String,
}

/// The one-time code from the address.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ConsoleCode {
    /// The code.
    pub code: String,
}

/// A console session.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ConsoleSession {
    /// The token for `Authorization: Bearer`. The console stores it in memory only, never in a cookie.
    pub token: String,
}
