//! Changes of the authority document. Each is previewed, approved with a factor, and recorded.

use briefcase_types::{
    AgentId, Digest, ReceiptIndex, SecretName, ServerId, ServerSettings, Settings, ToolName, UnixMillis,
};
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
    /// Registers an agent. [`Applied::token`] is its credential, returned once.
    AddAgent {
        /// The agent's name.
        name: AgentId,
    },
    /// Removes an agent. Its token is void at once.
    RemoveAgent {
        /// The agent's name.
        name: AgentId,
    },
    /// Registers a server with the tools of a probe.
    AddServer {
        /// The server's name.
        name: ServerId,
        /// How to reach the server.
        spec: ServerSpec,
        /// The digest of the [`crate::Probe`] that the person saw. Exactly the shown tools are pinned.
        probe: Digest,
        /// The tools of class `read`, which run without an approval. The others need one.
        #[serde(default)]
        reads: Vec<ToolName>,
        /// Whether resources and prompts may be read without an approval.
        #[serde(default)]
        reads_granted: bool,
    },
    /// Removes a server.
    RemoveServer {
        /// The server's name.
        name: ServerId,
    },
    /// Enables or disables a server.
    EnableServer {
        /// The server's name.
        name: ServerId,
        /// Whether the server is enabled.
        enabled: bool,
    },
    /// Replaces the settings of a server.
    SetServer {
        /// The server's name.
        name: ServerId,
        /// All its settings. An absent one gets its default.
        settings: ServerSettings,
    },
    /// Replaces the settings of the whole briefcase.
    SetSettings {
        /// All settings. An absent one gets its default.
        settings: Settings,
    },
    /// Accepts new or changed definitions of a probe.
    AcceptTools {
        /// The server.
        server: ServerId,
        /// The digest of the [`crate::Probe`] that the person saw.
        probe: Digest,
        /// The tools to accept. Empty means every tool that changed.
        #[serde(default)]
        tools: Vec<ToolName>,
        /// Whether the server may go on changing the descriptive text that the probe showed as different.
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
        changing: bool,
    },
    /// Sets a tool's class, price and labels.
    SetTool {
        /// The server.
        server: ServerId,
        /// The tool.
        tool: ToolName,
        /// The class: `read`, `write` or `unknown`.
        #[serde(default)]
        class: Option<String>,
        /// The price, such as `0.01 USD`. Empty text removes it.
        #[serde(default)]
        cost: Option<String>,
        /// The labels of the tool's results: `private_data`, `untrusted_content`, `external`.
        #[serde(default)]
        labels: Option<Vec<String>>,
    },
    /// Replaces the policy text.
    SetPolicy {
        /// The Cedar text.
        text: String,
    },
    /// Sets a budget, or removes it when no limit is given.
    SetBudget {
        /// The agent that the budget is limited to.
        #[serde(default)]
        agent: Option<AgentId>,
        /// The server that the budget is limited to.
        #[serde(default)]
        server: Option<ServerId>,
        /// The tool of `server` that the budget is limited to.
        #[serde(default)]
        tool: Option<ToolName>,
        /// The window: `call`, `hour`, `day`, `month` or `all`.
        window: String,
        /// A number of calls such as `100`, or money such as `5.00 USD`. `None` removes the budget.
        #[serde(default)]
        limit: Option<String>,
    },
    /// Stores a secret in the vault.
    SetSecret {
        /// The secret's name.
        name: SecretName,
        /// The secret's value. No response contains it.
        value: S,
    },
    /// Removes a secret.
    RemoveSecret {
        /// The secret's name.
        name: SecretName,
    },
    /// Revokes a saved approval.
    RevokeGrant {
        /// The grant's id.
        id: String,
    },
    /// Enrols a passkey with the browser's answer to `passkey/begin`.
    AddPasskey {
        /// The person's name for the passkey.
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
    /// Removes a factor, but never the last one.
    RemoveFactor {
        /// The factor's id.
        id: String,
    },
    /// Replaces the passphrase that unlocks the vault.
    SetPassphrase {
        /// The new passphrase.
        passphrase: S,
    },
    /// Accepts the computer's clock: the record's time continues from it, even when that is earlier.
    AcceptClock {
        /// The time of the computer's clock that the person saw ([`crate::ClockStatus::computer`]).
        time: UnixMillis,
    },
}

const fn is_false(value: &bool) -> bool {
    !*value
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
            Self::SetServer { name, settings } => Change::SetServer { name: name.clone(), settings: settings.clone() },
            Self::SetSettings { settings } => Change::SetSettings { settings: settings.clone() },
            Self::AcceptTools { server, probe, tools, changing } => {
                Change::AcceptTools { server: server.clone(), probe: *probe, tools: tools.clone(), changing: *changing }
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
            Self::AcceptClock { time } => Change::AcceptClock { time: *time },
        }
    }
}

/// The effect of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Preview {
    /// The digest that evidence is bound to. It covers the change and the document that it applies to.
    pub digest: Digest,
    /// The effects for a person, one line each.
    pub lines: Vec<String>,
    /// The document's current version.
    pub from_version: u64,
}

/// A change with its evidence.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(concrete(S = String)))]
pub struct Apply<S = String> {
    /// The change, exactly as previewed.
    pub change: Change<S>,
    /// The digest of the preview.
    pub digest: Digest,
    /// The evidence for that digest.
    pub evidence: Evidence<S>,
}

/// The record of a change that is in force.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Applied {
    /// The document's new version.
    pub version: u64,
    /// The receipt of the change.
    pub receipt: ReceiptIndex,
    /// The credential of a new agent, returned once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub token: Option<String>,
}
