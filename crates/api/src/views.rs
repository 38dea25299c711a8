//! What can be looked at, and the small bodies of the remaining routes.

use std::collections::BTreeMap;

use briefcase_types::{
    AgentId, Digest, EnvValue, HeaderTemplate, SecretName, ServerId, ToolName, Transport, UnixMillis,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The daemon at a glance. Served while locked too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Status {
    /// Daemon version.
    pub version: String,
    /// `locked`, `ready`, or `failed` (the record cannot be written).
    pub state: String,
    /// What failed, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub problem: Option<crate::Problem>,
    /// Since when it runs.
    pub started: UnixMillis,
    /// Version of the authority document.
    pub authority_version: u64,
    /// Receipts in the log.
    pub receipts: u64,
    /// Open questions.
    pub approvals: u64,
    /// Connected sessions.
    pub sessions: u64,
    /// Registered servers.
    pub servers: u64,
    /// The console's address, without authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub console: Option<String>,
}

/// Opens the vault. One of the two.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(concrete(S = String)))]
#[serde(rename_all = "snake_case")]
pub enum Unlock<S = String> {
    /// The passphrase.
    Passphrase(S),
    /// The generated unlock key.
    UnlockKey(S),
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Protection is on.
    Ok,
    /// Works, but weaker than it could be.
    Warn,
    /// Broken.
    Fail,
}

/// One finding of `doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Check {
    /// Stable name, such as `undumpable`.
    pub name: String,
    /// How it stands.
    pub severity: Severity,
    /// What was found.
    pub message: String,
    /// What to do, when something is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub next_step: Option<String>,
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct AgentView {
    /// Its name.
    pub name: AgentId,
    /// When it was added.
    pub created: UnixMillis,
    /// Connected sessions.
    pub sessions: u64,
    /// What it has seen lately.
    pub labels: Vec<String>,
}

/// The contract's form of a [`Transport`]: secrets of the environment are members of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "transport", rename_all = "snake_case", deny_unknown_fields)]
pub enum ServerSpec {
    /// Streamable HTTP.
    Http {
        /// The endpoint.
        url: String,
        /// Static header credentials.
        #[serde(default)]
        headers: Vec<HeaderTemplate>,
    },
    /// A local command, run without a shell.
    Stdio {
        /// Program and arguments.
        argv: Vec<String>,
        /// Environment: literal values.
        #[serde(default)]
        #[cfg_attr(feature = "typescript", ts(type = "Record<string, string>"))]
        env: BTreeMap<String, String>,
        /// Environment: names of secrets.
        #[serde(default)]
        #[cfg_attr(feature = "typescript", ts(type = "Record<string, string>"))]
        secret_env: BTreeMap<String, SecretName>,
        /// Working folder.
        #[serde(default)]
        cwd: Option<String>,
    },
}

/// A variable that has a literal value and a secret keeps the secret.
impl From<ServerSpec> for Transport {
    fn from(spec: ServerSpec) -> Self {
        match spec {
            ServerSpec::Http { url, headers } => Self::Http { url, headers },
            ServerSpec::Stdio { argv, env, secret_env, cwd } => {
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
            Transport::Http { url, headers } => Self::Http { url, headers },
            Transport::Stdio { argv, env: variables, cwd } => {
                let (mut env, mut secret_env) = (BTreeMap::new(), BTreeMap::new());
                for (name, value) in variables {
                    match value {
                        EnvValue::Literal(text) => drop(env.insert(name, text)),
                        EnvValue::Secret(secret) => drop(secret_env.insert(name, secret)),
                    }
                }
                Self::Stdio { argv, env, secret_env, cwd }
            }
        }
    }
}

/// What `POST /v1/servers/probe` takes: how to reach the server, and the proof that a person is there when the server is to be
/// shown a secret. Looking with a secret hands it over, as much as registering the server does.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(concrete(S = String)))]
#[serde(untagged)]
pub enum Look<S = String> {
    /// With proof.
    Proven {
        /// How to reach it.
        spec: ServerSpec,
        /// The proof.
        evidence: crate::Evidence<S>,
    },
    /// Without: enough when no secret is named, or when a server is registered in exactly this way.
    Bare(ServerSpec),
}

/// One difference between two definitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct FieldDifference {
    /// JSON pointer.
    pub path: String,
    /// Before, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub old: Option<String>,
    /// After, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub new: Option<String>,
}

/// A tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ToolView {
    /// Its server.
    pub server: ServerId,
    /// Its name as the server gives it.
    pub name: String,
    /// `accepted`, `changed`, `new`, `gone` or `quarantined`.
    pub state: String,
    /// `read`, `write` or `unknown`: what the person said.
    pub class: String,
    /// `low`, `medium` or `high`.
    pub risk: String,
    /// Price per call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub cost: Option<String>,
    /// The server's own title or first line of its description, made printable.
    pub summary: String,
    /// What the server claims (`readOnlyHint`, …); never lowers the risk.
    pub hints: Vec<String>,
    /// What looks odd in the definition.
    pub flags: Vec<String>,
    /// For `changed`: what changed.
    #[serde(default)]
    pub differences: Vec<FieldDifference>,
}

/// What a server offers right now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Probe {
    /// Covers everything below; a change that accepts it names this digest.
    pub digest: Digest,
    /// `2025-11-25`, `2026-07-28`, …
    pub protocol: String,
    /// What the server calls itself, made printable; never used to tell servers apart.
    pub calls_itself: String,
    /// Its tools.
    pub tools: Vec<ToolView>,
    /// Number of resources and templates.
    pub resources: u64,
    /// Number of prompts.
    pub prompts: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ServerView {
    /// Its name.
    pub name: ServerId,
    /// How it is reached (secrets by name only).
    pub spec: ServerSpec,
    /// On or off.
    pub enabled: bool,
    /// Accepted tools.
    pub tools: u64,
    /// Live connections.
    pub connections: u64,
    /// Resources and prompts may be read without asking.
    pub reads_granted: bool,
}

/// A standing rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct GrantView {
    /// Its id.
    pub id: String,
    /// Whose.
    pub agent: AgentId,
    /// Where.
    pub server: ServerId,
    /// Which tool.
    pub tool: ToolName,
    /// Which arguments have to be equal to what.
    #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
    pub fixed: Value,
    /// When it ends.
    pub expires: UnixMillis,
}

/// A budget and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct BudgetView {
    /// For a person, such as `agent claude-code, server mail`.
    pub scope: String,
    /// `call`, `hour`, `day`, `month` or `all`.
    pub window: String,
    /// Such as `100 calls` or `5.00 USD`.
    pub limit: String,
    /// Spent and reserved in this window, same unit.
    pub used: String,
    /// Used, in thousandths of the limit.
    pub permille: u64,
}

/// A secret's name. There is no route that gives its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SecretView {
    /// Its name.
    pub name: SecretName,
    /// How often it was replaced.
    pub version: u64,
    /// Servers that use it.
    pub used_by: Vec<ServerId>,
}

/// A factor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct FactorView {
    /// Its id.
    pub id: String,
    /// `pin` or `passkey`.
    pub kind: String,
    /// The person's name for it.
    pub label: String,
    /// When it was enrolled.
    pub created: UnixMillis,
}

/// A policy text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PolicyText {
    /// Cedar.
    pub text: String,
    /// The Cedar schema it is checked against (in answers).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub schema: Option<String>,
}

/// Whether a policy text can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PolicyReport {
    /// Usable.
    pub ok: bool,
    /// Problems with line, column and a suggestion.
    pub problems: Vec<String>,
    /// Policy ids in the text.
    pub policies: Vec<String>,
    /// What would have been decided otherwise among recent calls.
    pub replay: Vec<String>,
}

/// A user's own case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PolicyCase {
    /// For the report.
    pub name: String,
    /// Who calls.
    pub agent: AgentId,
    /// Where.
    pub server: ServerId,
    /// Which tool.
    pub tool: ToolName,
    /// With what.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
    pub arguments: Value,
    /// What the agent has seen.
    #[serde(default)]
    pub labels: Vec<String>,
    /// `allow`, `ask` or `deny`.
    pub expect: String,
}

/// Cases to run, against a text or the policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PolicyTest {
    /// A text to try instead of the one in force.
    #[serde(default)]
    pub text: Option<String>,
    /// The cases.
    pub cases: Vec<PolicyCase>,
}

/// What a case gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PolicyCaseResult {
    /// The case.
    pub name: String,
    /// What was expected.
    pub expect: String,
    /// What was decided.
    pub got: String,
    /// By which policies.
    pub policies: Vec<String>,
}

/// The outcome of a test run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PolicyTestReport {
    /// One per case.
    pub results: Vec<PolicyCaseResult>,
    /// Number of cases that went otherwise than expected.
    pub failed: u64,
}

/// What a backup is sealed to.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(concrete(S = String)))]
pub struct Backup<S = String> {
    /// A passphrase for the archive.
    pub passphrase: S,
    /// A backup is power over everything: it needs a factor, bound to the digest of the word `backup`.
    pub evidence: crate::Evidence<S>,
}

/// A one-time address for a browser.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ConsoleLogin {
    /// `http://localhost:PORT/#code`: valid once, for 60 seconds.
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
    /// Send as `Authorization: Bearer`. Kept in memory only; never a cookie.
    pub token: String,
}
