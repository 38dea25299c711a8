//! The authority document: everything that gives power, in one value with a version.
//!
//! Invariant: a document that this module hands out has been checked as a whole ([`Authority::check`]), every change makes
//! a new document one version higher, and nothing in it is broader than what a person was shown: a grant names one agent,
//! one server, one tool, one pin, and an end.

mod budget;
mod change;
mod check;
mod differences;
mod grant;
mod server;

use std::collections::BTreeMap;

use briefcase_types::{AgentId, Digest, Incarnation, SecretName, ServerId, ToolName, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use budget::{Budget, Limit, Scope, Window};
pub use change::Change;
pub use differences::{Difference, differences};
pub use grant::{FieldRule, Grant, GrantArguments, GrantError};
pub use server::{Class, Pin, PinCheck, ReadsGranted, Server};

use crate::label::Labels;

/// The policies a new document starts with.
pub const DEFAULT_POLICY: &str = include_str!("../../default.cedar");

/// The most tools one server may offer.
pub const TOOLS_MAX: usize = 512;

/// The form of the document this build reads and writes.
pub const FORM: u32 = 1;

/// Everything that gives power. Sealed by the vault, versioned, each change recorded with the document's digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Form of the document: [`FORM`].
    pub v: u32,
    /// Goes up by one with every change.
    pub version: u64,
    /// The life of the state this document belongs to.
    pub incarnation: Incarnation,
    /// Who may connect.
    pub agents: BTreeMap<AgentId, Agent>,
    /// What they may reach.
    pub servers: BTreeMap<ServerId, Server>,
    /// The person's Cedar policies.
    pub policy: String,
    /// What was allowed beyond once.
    pub grants: Vec<Grant>,
    /// What may be spent.
    pub budgets: Vec<Budget>,
    /// Which secrets the vault holds, and which sealed record is the newest of each.
    #[serde(default)]
    pub secrets: BTreeMap<SecretName, SecretEntry>,
    /// What proves that a person is present. Only the presence adapter reads `data`.
    pub factors: Vec<Factor>,
}

/// One identity that may connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Digest of its token; the token itself is kept nowhere.
    pub token: Digest,
    /// When it was added.
    pub created: UnixMillis,
    /// A disabled agent cannot connect.
    #[serde(default)]
    pub disabled: bool,
}

/// A secret in the vault, by what the vault sealed. The document being versioned and on record, an older or swapped
/// record does not fit any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretEntry {
    /// Goes up by one with every new value.
    pub version: u64,
    /// Digest of the sealed record.
    pub record: Digest,
}

/// A presence factor, opaque here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// Its id.
    pub id: String,
    /// `pin` or `passkey`.
    pub kind: String,
    /// What the presence adapter needs to check it.
    pub data: Value,
}

/// Why a document or a change to it is refused.
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
    /// No such thing.
    #[error("there is no {kind} `{name}`")]
    Unknown {
        /// What kind of thing.
        kind: &'static str,
        /// Which.
        name: String,
    },
    /// There is one already.
    #[error("there is already {kind} `{name}`; remove it first, or choose another name")]
    Exists {
        /// What kind of thing, with its article.
        kind: &'static str,
        /// Which.
        name: String,
    },
    /// A part is out of bounds.
    #[error("{what}: {why}")]
    Invalid {
        /// Which part, such as `server mail, header Authorization`.
        what: String,
        /// What is wrong and what would be right.
        why: String,
    },
    /// The last factor cannot be removed: nobody could approve anything again.
    #[error("the last factor cannot be removed; add another one first")]
    LastFactor,
    /// A grant is broader than a grant may be.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// Version numbers are used up.
    #[error("the document's version cannot go up any more")]
    VersionsUsedUp,
}

impl Authority {
    /// A document that gives nobody anything, with the default policy.
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
        }
    }

    /// Reads a document and checks it whole.
    ///
    /// # Errors
    /// [`AuthorityError`] when it is not strict JSON of this form, or any part is out of bounds.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthorityError> {
        let limits =
            briefcase_json::Limits { bytes: 32 << 20, keys: 1_000_000, values: 2_000_000, ..Default::default() };
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

    /// The document as canonical JSON (RFC 8785): what is sealed, and what [`Authority::digest`] covers.
    ///
    /// # Errors
    /// [`AuthorityError::Form`] when a part cannot be written as JSON, which a checked document never is.
    pub fn encode(&self) -> Result<Vec<u8>, AuthorityError> {
        let value = serde_json::to_value(self).map_err(|error| AuthorityError::Form(error.to_string()))?;
        Ok(briefcase_json::canonical(&value))
    }

    /// What a change receipt records.
    ///
    /// # Errors
    /// As [`Authority::encode`].
    pub fn digest(&self) -> Result<Digest, AuthorityError> {
        Ok(Digest::labelled("briefcase/authority/1", &[&self.encode()?]))
    }

    /// A server that exists.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn server(&self, id: &ServerId) -> Result<&Server, AuthorityError> {
        self.servers.get(id).ok_or_else(|| AuthorityError::Unknown { kind: "server", name: id.to_string() })
    }

    /// A tool a person accepted.
    #[must_use]
    pub fn pin(&self, server: &ServerId, tool: &ToolName) -> Option<&Pin> {
        self.servers.get(server)?.pins.get(tool)
    }

    /// What a server or one of its tools is: the server's labels and the tool's own. Without a tool, or for a tool that
    /// nobody accepted, the server's labels.
    #[must_use]
    pub fn labels(&self, server: &ServerId, tool: Option<&ToolName>) -> Labels {
        let Some(server) = self.servers.get(server) else { return Labels::NONE };
        let own = tool.and_then(|tool| server.pins.get(tool)).map_or(Labels::NONE, |pin| pin.labels);
        server.labels.union(own)
    }

    /// The agent that holds the token with this digest, if it may connect.
    #[must_use]
    pub fn agent_by_token(&self, token: &Digest) -> Option<&AgentId> {
        self.agents.iter().find(|(_, agent)| !agent.disabled && agent.token == *token).map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests;
