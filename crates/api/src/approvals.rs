//! Questions and decisions.

use briefcase_types::{AgentId, ApprovalId, Digest, ServerId, SessionId, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An open question, exactly as its digest covers it. Show all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its id.
    pub id: ApprovalId,
    /// Who asks.
    pub agent: AgentId,
    /// In which session.
    pub session: SessionId,
    /// Where the call would go.
    pub server: ServerId,
    /// `call_tool`, `read_resource`, `get_prompt`, …
    pub operation: String,
    /// Tool or prompt name, or resource URI.
    pub name: String,
    /// The definition's pin.
    pub pin: Digest,
    /// The exact arguments: the canonical JSON text that will be sent.
    pub arguments: String,
    /// What it costs, such as `1.50 USD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// `read`, `write` or `unknown`.
    pub class: String,
    /// `low`, `medium` or `high`.
    pub risk: String,
    /// What the agent has seen lately: `untrusted_content`, `private_data`.
    pub labels: Vec<String>,
    /// Ids of the policies that want a person asked.
    pub policies: Vec<String>,
    /// Version of the authority document.
    pub authority_version: u64,
    /// Only this one call may be allowed.
    pub once_only: bool,
    /// When it was asked.
    pub asked: UnixMillis,
    /// When it expires.
    pub expires: UnixMillis,
    /// Digest over all of the above; send back what you showed.
    pub digest: Digest,
}

/// A decision as JSON: `{"decision":"deny"}`, `{"decision":"allow","scope":"once"}`,
/// `{"decision":"allow","scope":"session_exact"}`, `{"decision":"allow","scope":"session_tool"}` or
/// `{"decision":"allow","scope":"rule","fixed":["path"],"seconds":86400}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionOnly {
    /// The decision.
    #[serde(flatten)]
    pub decision: Value,
}

/// The digest that evidence has to be made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The digest.
    pub digest: Digest,
}

/// Proof that a person is there.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence<S = String> {
    /// A PIN typed at a terminal.
    Pin(S),
    /// The JSON of a WebAuthn `PublicKeyCredential` from `navigator.credentials.get`, whose challenge was given for the digest.
    Passkey(Value),
}

/// A decision with its proof.
#[derive(Serialize, Deserialize)]
pub struct Decide<S = String> {
    /// The question's digest, as it was shown.
    pub shown: Digest,
    /// See [`DecisionOnly`].
    pub decision: Value,
    /// The proof, made for the digest of `decision-digest`.
    pub evidence: Evidence<S>,
}

/// A decision was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// `approved` or `denied`.
    pub decision: String,
    /// The receipt that records it.
    pub receipt: briefcase_types::ReceiptIndex,
}
