//! Approvals: the request that a person sees, and the decision on it.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{AgentId, ApprovalId, Digest, ServerId, SessionId, UnixMillis};

/// An approval request. It holds everything that a person is shown, and `digest` covers all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
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
    /// The server's own name for the tool, made printable, where `name` is an alias of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub own_name: Option<String>,
    /// The definition's pin.
    pub pin: Digest,
    /// The exact arguments: the canonical JSON text that will be sent.
    pub arguments: String,
    /// The members that are sent beside the arguments, such as `_meta` and `task`: canonical JSON text of an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub beside: Option<String>,
    /// The price that a person put on the tool, such as `1.50 USD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub cost: Option<String>,
    /// The tool's class: `read`, `write` or `unknown`.
    pub class: String,
    /// The call's risk: `low`, `medium` or `high`.
    pub risk: String,
    /// The labels of the agent: `untrusted_content`, `private_data`.
    pub labels: Vec<String>,
    /// The ids of the policies that require a person.
    pub policies: Vec<String>,
    /// The version of the authority document that policy was evaluated under.
    pub authority_version: u64,
    /// Whether the decision may cover this one call only.
    pub once_only: bool,
    /// The time at which the request was opened.
    pub asked: UnixMillis,
    /// The time at which the request expires.
    pub expires: UnixMillis,
    /// The digest of all of the above. A decision names the digest that the person was shown.
    pub digest: Digest,
}

/// The reach of a permission. It is never broader than the request that the person saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "scope", rename_all = "snake_case", deny_unknown_fields)]
pub enum ApprovalScope {
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
        seconds: u64,
    },
}

impl ApprovalScope {
    /// The lifetime of a rule.
    #[must_use]
    pub const fn lifetime(&self) -> Option<Duration> {
        match self {
            Self::Rule { seconds, .. } => Some(Duration::from_secs(*seconds)),
            _ => None,
        }
    }
}

/// A person's decision.
///
/// Its JSON is what a factor's proof is bound to: `{"decision":"deny"}`, or `{"decision":"allow","scope":"once"}` and so on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// The call must not run.
    Deny,
    /// The call may run, with this reach.
    Allow(ApprovalScope),
}

impl Decision {
    /// The recorded result of the decision.
    #[must_use]
    pub const fn result(&self) -> DecisionResult {
        match self {
            Self::Deny => DecisionResult::Denied,
            Self::Allow(_) => DecisionResult::Approved,
        }
    }
}

/// The result of a decision, without its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum DecisionResult {
    /// The call may run.
    Approved,
    /// The call must not run.
    Denied,
}

impl fmt::Display for DecisionResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_have_one_json_form() {
        let rule = ApprovalScope::Rule { fixed: vec!["path".into()], seconds: 86_400 };
        for (decision, text) in [
            (Decision::Deny, r#"{"decision":"deny"}"#),
            (Decision::Allow(ApprovalScope::Once), r#"{"decision":"allow","scope":"once"}"#),
            (Decision::Allow(ApprovalScope::SessionExact), r#"{"decision":"allow","scope":"session_exact"}"#),
            (Decision::Allow(ApprovalScope::SessionTool), r#"{"decision":"allow","scope":"session_tool"}"#),
            (Decision::Allow(rule), r#"{"decision":"allow","scope":"rule","fixed":["path"],"seconds":86400}"#),
        ] {
            assert_eq!(serde_json::to_string(&decision).unwrap(), text);
            assert_eq!(serde_json::from_str::<Decision>(text).unwrap(), decision);
            let word = serde_json::to_value(decision.result()).unwrap();
            assert_eq!(word.as_str(), Some(decision.result().to_string().as_str()));
        }
    }

    #[test]
    fn broader_or_unclear_scopes_are_rejected() {
        for text in [
            r#"{"decision":"allow"}"#,
            r#"{"decision":"allow","scope":"all"}"#,
            r#"{"decision":"allow","scope":"rule","fixed":[],"seconds":-1}"#,
        ] {
            assert!(serde_json::from_str::<Decision>(text).is_err(), "{text}");
        }
    }
}
