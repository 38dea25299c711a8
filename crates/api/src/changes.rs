//! Changes of the authority document. Each is previewed, proved by a factor, and recorded.

use briefcase_types::{AgentId, Digest, ReceiptIndex, SecretName, ServerId, ToolName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ConfidentialDigest, Evidence, ServerSpec};

/// One change.
///
/// `S` is the type of its confidential text: `String` for a client, [`crate::Confidential`] for the daemon, and
/// [`ConfidentialDigest`] in a preview.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(concrete(S = String)))]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change<S = String> {
    /// Registers an agent; [`Applied::token`] is its credential, shown once.
    AddAgent {
        /// Its name.
        name: AgentId,
    },
    /// Removes an agent: its token is void at once.
    RemoveAgent {
        /// Its name.
        name: AgentId,
    },
    /// Registers a server with the tools that a probe showed.
    AddServer {
        /// Its name.
        name: ServerId,
        /// How to reach it.
        spec: ServerSpec,
        /// The digest of the [`crate::Probe`] the person saw: what is pinned is what was shown.
        probe: Digest,
        /// Tools the person calls reads (they run without asking). The rest ask.
        #[serde(default)]
        reads: Vec<ToolName>,
        /// Resources and prompts may be read without asking.
        #[serde(default)]
        reads_granted: bool,
    },
    /// Forgets a server.
    RemoveServer {
        /// Its name.
        name: ServerId,
    },
    /// Turns a server on or off.
    EnableServer {
        /// Its name.
        name: ServerId,
        /// On or off.
        enabled: bool,
    },
    /// Accepts new or changed definitions, as a probe showed them.
    AcceptTools {
        /// The server.
        server: ServerId,
        /// The digest of the [`crate::Probe`] the person saw.
        probe: Digest,
        /// Which tools; empty means all that changed.
        #[serde(default)]
        tools: Vec<ToolName>,
    },
    /// Says what a tool does, what it costs, and what its results are.
    SetTool {
        /// The server.
        server: ServerId,
        /// The tool.
        tool: ToolName,
        /// `read`, `write` or `unknown`.
        #[serde(default)]
        class: Option<String>,
        /// Such as `0.01 USD`; empty removes the price.
        #[serde(default)]
        cost: Option<String>,
        /// Labels of its results: `private_data`, `untrusted_content`, `external`.
        #[serde(default)]
        labels: Option<Vec<String>>,
    },
    /// Replaces the policy text.
    SetPolicy {
        /// Cedar.
        text: String,
    },
    /// Sets (or, without a limit, removes) a budget.
    SetBudget {
        /// Only this agent.
        #[serde(default)]
        agent: Option<AgentId>,
        /// Only this server.
        #[serde(default)]
        server: Option<ServerId>,
        /// Only this tool (with `server`).
        #[serde(default)]
        tool: Option<ToolName>,
        /// `call`, `hour`, `day`, `month` or `all`.
        window: String,
        /// A number of calls such as `100`, or money such as `5.00 USD`; `None` removes.
        #[serde(default)]
        limit: Option<String>,
    },
    /// Puts a secret into the vault.
    SetSecret {
        /// Its name.
        name: SecretName,
        /// Its value. Only ever on its way in.
        value: S,
    },
    /// Removes a secret.
    RemoveSecret {
        /// Its name.
        name: SecretName,
    },
    /// Takes a standing rule back.
    RevokeGrant {
        /// Its id.
        id: String,
    },
    /// Enrols a passkey with the browser's answer to `passkey/begin`.
    AddPasskey {
        /// A name for the person.
        label: String,
        /// JSON of the `PublicKeyCredential` from `navigator.credentials.create`.
        #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
        credential: Value,
    },
    /// Changes the PIN.
    SetPin {
        /// The new PIN.
        pin: S,
    },
    /// Removes a factor (never the last).
    RemoveFactor {
        /// Its id.
        id: String,
    },
    /// Changes how the vault is unlocked: a new passphrase.
    SetPassphrase {
        /// The new passphrase.
        passphrase: S,
    },
}

impl Change {
    /// The form for a preview: each confidential text is replaced by its digest.
    #[must_use]
    pub fn without_secrets(&self) -> Change<ConfidentialDigest> {
        match self {
            Self::AddAgent { name } => Change::AddAgent { name: name.clone() },
            Self::RemoveAgent { name } => Change::RemoveAgent { name: name.clone() },
            Self::AddServer { name, spec, probe, reads, reads_granted } => Change::AddServer {
                name: name.clone(),
                spec: spec.clone(),
                probe: *probe,
                reads: reads.clone(),
                reads_granted: *reads_granted,
            },
            Self::RemoveServer { name } => Change::RemoveServer { name: name.clone() },
            Self::EnableServer { name, enabled } => Change::EnableServer { name: name.clone(), enabled: *enabled },
            Self::AcceptTools { server, probe, tools } => {
                Change::AcceptTools { server: server.clone(), probe: *probe, tools: tools.clone() }
            }
            Self::SetTool { server, tool, class, cost, labels } => Change::SetTool {
                server: server.clone(),
                tool: tool.clone(),
                class: class.clone(),
                cost: cost.clone(),
                labels: labels.clone(),
            },
            Self::SetPolicy { text } => Change::SetPolicy { text: text.clone() },
            Self::SetBudget { agent, server, tool, window, limit } => Change::SetBudget {
                agent: agent.clone(),
                server: server.clone(),
                tool: tool.clone(),
                window: window.clone(),
                limit: limit.clone(),
            },
            Self::SetSecret { name, value } => {
                Change::SetSecret { name: name.clone(), value: ConfidentialDigest::of(value) }
            }
            Self::RemoveSecret { name } => Change::RemoveSecret { name: name.clone() },
            Self::RevokeGrant { id } => Change::RevokeGrant { id: id.clone() },
            Self::AddPasskey { label, credential } => {
                Change::AddPasskey { label: label.clone(), credential: credential.clone() }
            }
            Self::SetPin { pin } => Change::SetPin { pin: ConfidentialDigest::of(pin) },
            Self::RemoveFactor { id } => Change::RemoveFactor { id: id.clone() },
            Self::SetPassphrase { passphrase } => {
                Change::SetPassphrase { passphrase: ConfidentialDigest::of(passphrase) }
            }
        }
    }
}

/// What a change would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Preview {
    /// Make the evidence for this digest: it covers the change and the document it applies to.
    pub digest: Digest,
    /// What changes, a line each, for a person.
    pub lines: Vec<String>,
    /// The document's version now.
    pub from_version: u64,
}

/// A change with its proof.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(concrete(S = String)))]
pub struct Apply<S = String> {
    /// The change, as previewed.
    pub change: Change<S>,
    /// The digest of the preview.
    pub digest: Digest,
    /// The proof for that digest.
    pub evidence: Evidence<S>,
}

/// A change was recorded and is in force.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Applied {
    /// The document's version now.
    pub version: u64,
    /// The receipt.
    pub receipt: ReceiptIndex,
    /// A new agent's credential, shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub token: Option<String>,
}
