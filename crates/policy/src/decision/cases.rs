//! Test cases of a person's policies: a call, and the expected decision.

use briefcase_types::{AgentId, ServerId, ToolName, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Action, Facts, PolicySet, Verdict};
use crate::label::Labels;

/// One case. As JSON or TOML: `name`, `agent`, `server`, `tool`, `arguments`, `labels`, `time`, `expect`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The name, for the report.
    pub name: String,
    /// The calling agent.
    pub agent: AgentId,
    /// The server.
    pub server: ServerId,
    /// The tool.
    pub tool: ToolName,
    /// The arguments.
    #[serde(default = "no_arguments")]
    pub arguments: Value,
    /// The labels of the session.
    #[serde(default)]
    pub labels: Labels,
    /// The time, in milliseconds since 1970.
    #[serde(default)]
    pub time: UnixMillis,
    /// The expected decision.
    pub expect: ExpectedVerdict,
}

/// The expected decision of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedVerdict {
    /// The call runs.
    Allow,
    /// The call asks.
    Ask,
    /// The call is denied.
    Deny,
}

/// The result of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// The expected decision.
    pub expect: ExpectedVerdict,
    /// The actual decision, with its policies.
    pub verdict: Verdict,
}

impl ExpectedVerdict {
    /// `allow`, `ask` or `deny`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

impl CaseResult {
    /// Returns whether the decision was as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.verdict.as_str() == self.expect.as_str()
    }
}

fn no_arguments() -> Value {
    Value::Object(serde_json::Map::new())
}

impl PolicySet {
    /// Runs the cases.
    #[must_use]
    pub fn run_cases(&self, cases: &[Case]) -> Vec<CaseResult> {
        let run = |case: &Case| {
            let action = Action::Call { tool: &case.tool, arguments: &case.arguments };
            let facts = Facts { agent: &case.agent, server: &case.server, action, labels: case.labels, now: case.time };
            CaseResult { name: case.name.clone(), expect: case.expect, verdict: self.decide(&facts) }
        };
        cases.iter().map(run).collect()
    }
}

/// Reads cases from JSON: a list, or an object with a list `case` (the form of TOML's `[[case]]`).
///
/// # Errors
/// A description of the fault in the text.
pub fn read_cases(json: &[u8]) -> Result<Vec<Case>, String> {
    let value =
        briefcase_json::parse_strict(json, &briefcase_json::JsonLimits::AGENT).map_err(|error| error.to_string())?;
    let list = match value {
        Value::Object(mut members) => members.remove("case").ok_or("there is no list `case`")?,
        other => other,
    };
    serde_json::from_value(list).map_err(|error| error.to_string())
}
