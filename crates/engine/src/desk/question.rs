//! What is asked, and what can be answered. The question's digest covers everything a person is shown.

use std::time::Duration;

use briefcase_types::{AgentId, ApprovalId, Digest, Money, ServerId, SessionId, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What makes two calls the same call: agent, server, operation, name, pin, canonical arguments and cost.
///
/// Made only from the bytes that will be sent, so that an answer cannot be moved to other bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallKey(Digest);

impl CallKey {
    /// The key of a call.
    #[must_use]
    pub fn new(
        agent: &AgentId,
        server: &ServerId,
        name: &str,
        pin: &Digest,
        arguments: &[u8],
        cost: Option<Money>,
    ) -> Self {
        let cost = cost.map(|money| money.to_string()).unwrap_or_default();
        Self(Digest::labelled(
            "briefcase/call/1",
            &[
                agent.as_str().as_bytes(),
                server.as_str().as_bytes(),
                name.as_bytes(),
                pin.as_bytes(),
                arguments,
                cost.as_bytes(),
            ],
        ))
    }
}

/// A question to a person. Everything that is shown is in here, and `digest` covers all of it.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// Its id, also the nonce in the digest.
    pub id: ApprovalId,
    /// Who asks.
    pub agent: AgentId,
    /// In which session.
    pub session: SessionId,
    /// Where the call would go.
    pub server: ServerId,
    /// `call_tool`, `read_resource`, `get_prompt`, …
    pub operation: String,
    /// The tool's or prompt's name, or the resource's URI.
    pub name: String,
    /// The definition's pin.
    pub pin: Digest,
    /// The exact arguments: the canonical JSON that will be sent.
    pub arguments: String,
    /// What it costs, if the person has put a price on the tool.
    pub cost: Option<Money>,
    /// `read`, `write` or `unknown`.
    pub class: String,
    /// `low`, `medium` or `high`.
    pub risk: String,
    /// What the session has seen.
    pub labels: Vec<String>,
    /// The policies that want a person asked.
    pub policies: Vec<String>,
    /// Version of the authority document the question was decided under.
    pub authority_version: u64,
    /// Only "this one call" may be answered.
    pub once_only: bool,
    /// When it was asked.
    pub asked: UnixMillis,
    /// When it expires.
    pub expires: UnixMillis,
    /// Digest of all of the above.
    pub digest: Digest,
    /// See [`CallKey`].
    #[serde(skip)]
    pub key: CallKey,
    /// What prompt budget and cool-down count by: server, operation and name.
    #[serde(skip)]
    pub subject: Digest,
}

impl Question {
    /// Fills in `subject` and `digest`.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        let parts = [self.server.as_str().as_bytes(), self.operation.as_bytes(), self.name.as_bytes()];
        self.subject = Digest::labelled("briefcase/subject/1", &parts);
        let shown = json!({
            "agent": self.agent, "arguments": self.arguments, "asked": self.asked, "authority_version": self.authority_version,
            "class": self.class, "cost": self.cost.map(|money| money.to_string()), "expires": self.expires, "id": self.id,
            "labels": self.labels, "name": self.name, "once_only": self.once_only, "operation": self.operation,
            "pin": self.pin, "policies": self.policies, "risk": self.risk, "server": self.server, "session": self.session,
        });
        self.digest = Digest::labelled("briefcase/approval/1", &[&briefcase_json::canonical(&shown)]);
        self
    }
}

/// How far a permission reaches. Never broader than what the person was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// This one call.
    Once,
    /// This tool with exactly these arguments, until the session ends.
    SessionExact,
    /// This tool with any arguments, until the session ends.
    SessionTool,
    /// A rule in the authority document: this tool, with the named top-level arguments as they are now, until it ends.
    Rule {
        /// Arguments that must be equal to the ones in the question. The others may differ.
        fixed: Vec<String>,
        /// How long the rule lasts.
        #[serde(rename = "seconds")]
        lasts: u64,
    },
}

impl Scope {
    /// How long a rule lasts.
    #[must_use]
    pub const fn lifetime(&self) -> Option<Duration> {
        match self {
            Self::Rule { lasts, .. } => Some(Duration::from_secs(*lasts)),
            _ => None,
        }
    }
}

/// A person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// No.
    Deny,
    /// Yes, this far.
    Allow(Scope),
}

impl Decision {
    /// Canonical JSON, for the digest that a factor's proof is bound to.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        briefcase_json::canonical(&serde_json::to_value(self).unwrap_or(Value::Null))
    }

    /// The word in receipts.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Deny => "denied",
            Self::Allow(_) => "approved",
        }
    }

    /// The scope's word in receipts.
    #[must_use]
    pub const fn scope_word(&self) -> &'static str {
        match self {
            Self::Deny => "none",
            Self::Allow(Scope::Once) => "once",
            Self::Allow(Scope::SessionExact) => "session_exact",
            Self::Allow(Scope::SessionTool) => "session_tool",
            Self::Allow(Scope::Rule { .. }) => "rule",
        }
    }
}
