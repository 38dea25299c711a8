//! The authority document: everything that gives power, in one value with a version.
//!
//! Invariant: this module returns only documents that were checked as a whole ([`Authority::check`]). Every change
//! makes a new document, one version higher. A grant is never broader than what the person saw: it names one agent, one
//! server, one tool, one pin, and an end.

mod budget;
mod change;
mod check;
mod clock;
mod descriptive;
mod differences;
mod grant;
mod server;
mod settings;

use std::collections::BTreeMap;

use briefcase_types::{AgentId, Digest, Incarnation, SecretName, ServerId, Settings, ToolName, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use budget::{Budget, BudgetScope, Limit, Window};
pub use change::AuthorityChange;
pub use descriptive::descriptive_place;
pub use differences::{Difference, differences};
pub use grant::{FieldRule, Grant, GrantArguments, GrantError};
pub use server::{Class, Pin, PinCheck, ReadsGranted, Server};

use crate::label::Labels;

/// The policies a new document starts with.
pub const DEFAULT_POLICY: &str = include_str!("../../default.cedar");

/// The maximum number of tools of one server.
pub const TOOLS_MAX: usize = 512;

/// The form of the document that this build reads and writes.
pub const FORM: u32 = 1;

/// Everything that gives power. Sealed by the vault, versioned, each change recorded with the document's digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// The form of the document: [`FORM`].
    pub v: u32,
    /// The version. Each change increases it by one.
    pub version: u64,
    /// The incarnation of the state that the document belongs to.
    pub incarnation: Incarnation,
    /// The agents that may connect.
    pub agents: BTreeMap<AgentId, Agent>,
    /// The registered servers.
    pub servers: BTreeMap<ServerId, Server>,
    /// The person's Cedar policies.
    pub policy: String,
    /// The saved approvals.
    pub grants: Vec<Grant>,
    /// The budgets.
    pub budgets: Vec<Budget>,
    /// The secrets in the vault, each with the digest of its newest sealed record.
    #[serde(default)]
    pub secrets: BTreeMap<SecretName, SecretEntry>,
    /// The enrolled factors. Only the presence adapter reads `data`.
    pub factors: Vec<Factor>,
    /// The settings of the whole briefcase.
    #[serde(default, skip_serializing_if = "Settings::is_default")]
    pub settings: Settings,
}

/// An agent that may connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// The digest of its token. The token itself is not stored.
    pub token: Digest,
    /// The time it was added.
    pub created: UnixMillis,
    /// A disabled agent cannot connect.
    #[serde(default)]
    pub disabled: bool,
}

/// A secret in the vault. The entry binds the sealed record: the document is versioned and recorded, so an older or
/// swapped record does not match it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretEntry {
    /// The version of the value. Each new value increases it by one.
    pub version: u64,
    /// The digest of the sealed record.
    pub record: Digest,
}

/// A presence factor. Its data is opaque here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// The id.
    pub id: String,
    /// `pin` or `passkey`.
    pub kind: String,
    /// The data that the presence adapter needs to check the factor.
    pub data: Value,
}

/// A document, or a change to it, was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The text is not an authority document of this form.
    #[error("the authority document cannot be read: {0}")]
    Form(String),
    /// The document was written by a newer Briefcase.
    #[error(
        "a newer Briefcase wrote the authority document (form {0}, this version reads {FORM}); install that version again, or restore a backup that this version wrote"
    )]
    NewerForm(u32),
    /// The named thing does not exist.
    #[error("there is no {kind} `{name}`")]
    Unknown {
        /// The kind of thing.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A thing of this name exists already.
    #[error("there is already {kind} `{name}`; remove it first, or choose another name")]
    Exists {
        /// The kind of thing, with its article.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A part is outside its limits.
    #[error("{what}: {why}")]
    Invalid {
        /// The part, such as `server mail, header Authorization`.
        what: String,
        /// A description of the fault and of the allowed form.
        why: String,
    },
    /// The last factor cannot be removed: without one, nothing could be approved again.
    #[error("the last factor cannot be removed; add another one first")]
    LastFactor,
    /// A grant is broader than allowed.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// The version number is at its maximum.
    #[error("the authority document has reached the highest version number")]
    VersionsUsedUp,
}

impl Authority {
    /// Returns an empty document with the default policy: it gives no agent any power.
    #[must_use]
    pub fn empty(incarnation: Incarnation) -> Self {
        Self {
            v: FORM,
            version: 0,
            incarnation,
            agents: BTreeMap::new(),
            servers: BTreeMap::new(),
            policy: DEFAULT_POLICY.to_owned(),
            grants: Vec::new(),
            budgets: Vec::new(),
            secrets: BTreeMap::new(),
            factors: Vec::new(),
            settings: Settings::default(),
        }
    }

    /// Reads a document and checks it as a whole.
    ///
    /// # Errors
    /// [`AuthorityError`] when it is not strict JSON of this form, or a part is outside its limits.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthorityError> {
        let limits =
            briefcase_json::JsonLimits { bytes: 32 << 20, keys: 1_000_000, values: 2_000_000, ..Default::default() };
        let form = |error: &dyn std::fmt::Display| AuthorityError::Form(error.to_string());
        let value = briefcase_json::parse_strict(bytes, &limits).map_err(|error| form(&error))?;
        match value.get("v").and_then(Value::as_u64).map(u32::try_from) {
            Some(Ok(FORM)) => {}
            Some(other) => return Err(AuthorityError::NewerForm(other.unwrap_or(u32::MAX))),
            None => return Err(AuthorityError::Form("it names no form (`v`)".to_owned())),
        }
        let document: Self = serde_json::from_value(value).map_err(|error| form(&error))?;
        document.check()?;
        Ok(document)
    }

    /// The document as canonical JSON (RFC 8785). The vault seals these bytes, and [`Authority::digest`] covers them.
    ///
    /// # Errors
    /// [`AuthorityError::Form`] when a part cannot be written as JSON. A checked document has no such part.
    pub fn encode(&self) -> Result<Vec<u8>, AuthorityError> {
        let value = serde_json::to_value(self).map_err(|error| AuthorityError::Form(error.to_string()))?;
        Ok(briefcase_json::canonical(&value))
    }

    /// The digest that a change receipt records.
    ///
    /// # Errors
    /// As [`Authority::encode`].
    pub fn digest(&self) -> Result<Digest, AuthorityError> {
        Ok(Digest::labelled("briefcase/authority/1", &[&self.encode()?]))
    }

    /// Returns a registered server.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn server(&self, id: &ServerId) -> Result<&Server, AuthorityError> {
        self.servers.get(id).ok_or_else(|| AuthorityError::Unknown { kind: "server", name: id.to_string() })
    }

    /// Returns an accepted tool.
    #[must_use]
    pub fn pin(&self, server: &ServerId, tool: &ToolName) -> Option<&Pin> {
        self.servers.get(server)?.pins.get(tool)
    }

    /// Returns the labels of a server and one of its tools. Without a tool, or for a tool that was not accepted,
    /// returns the server's labels.
    #[must_use]
    pub fn labels(&self, server: &ServerId, tool: Option<&ToolName>) -> Labels {
        let Some(server) = self.servers.get(server) else { return Labels::NONE };
        let own = tool.and_then(|tool| server.pins.get(tool)).map_or(Labels::NONE, |pin| pin.labels);
        server.labels.union(own)
    }

    /// Returns the agent that holds the token with this digest, if it may connect.
    #[must_use]
    pub fn agent_by_token(&self, token: &Digest) -> Option<&AgentId> {
        self.agents.iter().find(|(_, agent)| !agent.disabled && agent.token == *token).map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests;
