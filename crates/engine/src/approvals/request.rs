//! The request that a person sees, and the decisions on it. The request's digest covers everything that is shown.

use std::time::Duration;

use briefcase_types::{AgentId, ApprovalId, Digest, Money, ServerId, SessionId, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The identity of a call: agent, server, operation, name, pin, canonical arguments and cost.
///
/// Invariant: it is made only from the bytes that will be sent, so that a decision cannot be moved to other bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallKey(Digest);

impl CallKey {
    /// Computes the key of a call.
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

/// An approval request. It holds everything that a person is shown, and `digest` covers all of it.
#[derive(Clone, Debug)]
pub struct ApprovalRequest {
    /// The request's id, which is also the nonce in the digest.
    pub id: ApprovalId,
    /// The agent that makes the call.
    pub agent: AgentId,
    /// The agent's session.
    pub session: SessionId,
    /// The server that the call goes to.
    pub server: ServerId,
    /// The operation's word: `call_tool`, `read_resource`, `get_prompt`, …
    pub operation: String,
    /// The tool's or prompt's name, or the resource's URI.
    pub name: String,
    /// The definition's pin.
    pub pin: Digest,
    /// The exact arguments: the canonical JSON that will be sent.
    pub arguments: String,
    /// The price that a person put on the tool.
    pub cost: Option<Money>,
    /// The tool's class: `read`, `write` or `unknown`.
    pub class: String,
    /// The call's risk: `low`, `medium` or `high`.
    pub risk: String,
    /// The labels of the agent.
    pub labels: Vec<String>,
    /// The policies that require a person.
    pub policies: Vec<String>,
    /// The version of the authority document that policy was evaluated under.
    pub authority_version: u64,
    /// Whether the decision may cover this one call only.
    pub once_only: bool,
    /// The time at which the request was opened.
    pub asked: UnixMillis,
    /// The time at which the request expires.
    pub expires: UnixMillis,
    /// The digest of all of the above.
    pub digest: Digest,
    /// The call's identity.
    pub key: CallKey,
    /// The digest of server, operation and name. Prompt budgets and cool-downs count by it.
    pub subject: Digest,
}

impl ApprovalRequest {
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

    /// The digest that a factor's proof is bound to: this request, this decision, this scope.
    #[must_use]
    pub fn decision_digest(&self, decision: &Decision) -> Digest {
        Digest::labelled(
            "briefcase/decision/1",
            &[self.id.as_bytes(), self.digest.as_bytes(), decision.canonical().as_slice()],
        )
    }
}

/// The reach of a permission. It is never broader than the request that the person saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// This one call.
    Once,
    /// This tool with exactly these arguments, until the session ends.
    SessionExact,
    /// This tool with any arguments, until the session ends.
    SessionTool,
    /// A rule in the authority document: this tool, with the named top-level arguments as they are now, until it expires.
    Rule {
        /// Arguments that must equal the request's. The others may differ.
        fixed: Vec<String>,
        /// The rule's lifetime in seconds.
        #[serde(rename = "seconds")]
        lasts: u64,
    },
}

impl Scope {
    /// The lifetime of a rule.
    #[must_use]
    pub const fn lifetime(&self) -> Option<Duration> {
        match self {
            Self::Rule { lasts, .. } => Some(Duration::from_secs(*lasts)),
            _ => None,
        }
    }
}

/// A person's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// The call must not run.
    Deny,
    /// The call may run, with this reach.
    Allow(Scope),
}

impl Decision {
    /// The canonical JSON, for the digest that a factor's proof is bound to.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        briefcase_json::canonical(&serde_json::to_value(self).unwrap_or(Value::Null))
    }

    /// The word in receipts and answers.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Deny => "denied",
            Self::Allow(_) => "approved",
        }
    }
}
