//! Grants: saved approvals for calls beyond the first.
//!
//! Invariant: a grant is for one agent, one tool of one server with one pin. It ends within 30 days and fixes at least
//! one argument. A call with an argument that the grant does not name is not covered (attack 27).

use std::collections::BTreeMap;

use briefcase_types::{AgentId, ApprovalId, Digest, ServerId, ToolName, UnixMillis, text};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest lifetime of a grant.
pub const GRANT_DAYS_MAX: u64 = 30;
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
const FIELDS_MAX: usize = 64;
const PREFIX_MIN: usize = 4;

/// A saved approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The id.
    pub id: String,
    /// The agent that may call.
    pub agent: AgentId,
    /// The server.
    pub server: ServerId,
    /// The tool.
    pub tool: ToolName,
    /// The definition that the person saw. A changed tool is not covered.
    pub pin: Digest,
    /// The covered arguments.
    pub arguments: GrantArguments,
    /// The time it was given.
    pub created: UnixMillis,
    /// The end, at most 30 days after `created`.
    pub expires: UnixMillis,
    /// The approval that created it.
    pub created_by: ApprovalId,
}

/// The arguments that a grant covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GrantArguments {
    /// Exactly these: [`GrantArguments::exact`].
    Exact(Digest),
    /// A rule for each allowed top-level argument. A call with any other argument is not covered.
    Fields(BTreeMap<String, FieldRule>),
}

/// The allowed values of one argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FieldRule {
    /// This value. The argument must be present.
    Equals(Value),
    /// One of these values. The argument must be present.
    OneOf(Vec<Value>),
    /// Text with this prefix (at least 4 characters) that cannot leave it: no `..`, `%2e`, `@` or hidden character
    /// after the prefix. The argument must be present.
    Prefix(String),
    /// A whole number from 0 to this maximum. The argument must be present.
    AtMost(u64),
    /// Any value, or no value.
    Any,
}

/// A grant was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// The grant fixes no argument.
    #[error(
        "a grant must fix at least one argument; to allow every call of a tool, classify it as `read` or write a policy"
    )]
    TooBroad,
    /// It lasts too long, or ends before it begins.
    #[error("a grant ends after it begins and within {GRANT_DAYS_MAX} days")]
    Expiry,
    /// A rule is empty, too long, or too short a prefix.
    #[error("the rule for argument `{0}` is empty, too long, or a prefix of fewer than {PREFIX_MIN} characters")]
    Rule(String),
    /// The grant's id is empty, too long or taken.
    #[error("the grant's id is empty, too long or taken")]
    Id,
    /// The tool is not accepted, or its accepted definition differs from that of the grant.
    #[error("the tool `{0}` is not accepted, or was accepted with another definition")]
    Pin(String),
}

impl GrantArguments {
    /// Returns rules that cover exactly these arguments.
    #[must_use]
    pub fn exact(arguments: &Value) -> Self {
        Self::Exact(digest(arguments))
    }

    /// Returns rules that cover exactly these arguments, sent with exactly these members beside them (canonical JSON).
    #[must_use]
    pub fn exact_beside(arguments: &Value, beside: Option<&str>) -> Self {
        Self::Exact(digest_beside(arguments, beside))
    }

    /// Returns whether a call's arguments, and the members beside them, are covered.
    #[must_use]
    pub fn cover(&self, arguments: &Value, beside: Option<&str>) -> bool {
        match self {
            Self::Exact(wanted) => digest_beside(arguments, beside) == *wanted,
            Self::Fields(rules) => beside.is_none() && fields_cover(rules, arguments),
        }
    }

    fn check(&self) -> Result<(), GrantError> {
        let Self::Fields(rules) = self else { return Ok(()) };
        if rules.len() > FIELDS_MAX || (!rules.is_empty() && rules.values().all(|rule| *rule == FieldRule::Any)) {
            return Err(GrantError::TooBroad);
        }
        match rules.iter().find(|(name, rule)| name.len() > 256 || !rule.says_something()) {
            Some((name, _)) => Err(GrantError::Rule(text::printable(text::clip(name, 80)))),
            None => Ok(()),
        }
    }
}

impl FieldRule {
    fn covers(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Any, _) => true,
            (_, None) => false,
            (Self::Equals(wanted), Some(value)) => same(wanted, value),
            (Self::OneOf(wanted), Some(value)) => wanted.iter().any(|wanted| same(wanted, value)),
            (Self::Prefix(prefix), Some(value)) => value.as_str().is_some_and(|given| stays_within(prefix, given)),
            (Self::AtMost(limit), Some(value)) => value.as_u64().is_some_and(|number| number <= *limit),
        }
    }

    fn says_something(&self) -> bool {
        match self {
            Self::OneOf(values) => (1..=FIELDS_MAX).contains(&values.len()),
            Self::Prefix(prefix) => prefix.chars().count() >= PREFIX_MIN,
            Self::Equals(_) | Self::AtMost(_) | Self::Any => true,
        }
    }
}

impl Grant {
    /// Returns whether the grant covers a call now. `pin` is the accepted definition.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "a grant names every part of a call")]
    pub fn covers(
        &self,
        agent: &AgentId,
        server: &ServerId,
        tool: &ToolName,
        pin: &Digest,
        arguments: &Value,
        beside: Option<&str>,
        now: UnixMillis,
    ) -> bool {
        now < self.expires
            && self.agent == *agent
            && self.server == *server
            && self.tool == *tool
            && self.pin == *pin
            && self.arguments.cover(arguments, beside)
    }

    pub(crate) fn check(&self) -> Result<(), GrantError> {
        if self.id.is_empty() || self.id.len() > 64 || text::printable(&self.id) != self.id {
            return Err(GrantError::Id);
        }
        let lasts = self.expires.0.checked_sub(self.created.0).filter(|lasts| *lasts > 0);
        if lasts.is_none_or(|lasts| lasts > GRANT_DAYS_MAX * DAY_MILLIS) {
            return Err(GrantError::Expiry);
        }
        self.arguments.check()
    }
}

fn digest(arguments: &Value) -> Digest {
    Digest::labelled("briefcase/grant-arguments/1", &[&briefcase_json::canonical(arguments)])
}

fn digest_beside(arguments: &Value, beside: Option<&str>) -> Digest {
    let Some(beside) = beside else { return digest(arguments) };
    let parts: [&[u8]; 2] = [&briefcase_json::canonical(arguments), beside.as_bytes()];
    Digest::labelled("briefcase/grant-arguments-beside/1", &parts)
}

/// Compares as canonical JSON: `1` and `1.0` are the same number.
fn same(one: &Value, two: &Value) -> bool {
    one == two || briefcase_json::canonical(one) == briefcase_json::canonical(two)
}

/// Rejects a path or URL with the prefix that leads elsewhere: `/a/../b`, `https://host@evil`.
fn stays_within(prefix: &str, given: &str) -> bool {
    given.strip_prefix(prefix).is_some_and(|rest| {
        let climbs = rest.contains("..") || rest.contains('@') || rest.to_ascii_lowercase().contains("%2e");
        !climbs && !rest.chars().any(text::is_deceptive)
    })
}

fn fields_cover(rules: &BTreeMap<String, FieldRule>, arguments: &Value) -> bool {
    let Some(given) = arguments.as_object() else { return false };
    given.keys().all(|name| rules.contains_key(name)) && rules.iter().all(|(name, rule)| rule.covers(given.get(name)))
}
