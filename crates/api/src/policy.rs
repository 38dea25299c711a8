//! The policy, and tests of a policy before it is in force.

use briefcase_types::{AgentId, ServerId, ToolName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A policy text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PolicyText {
    /// The Cedar text.
    pub text: String,
    /// The Cedar schema that the text is checked against. Only in responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub schema: Option<String>,
}

/// The result of checking a policy text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PolicyReport {
    /// Whether the text is valid.
    pub ok: bool,
    /// The problems, with line, column and a suggestion.
    pub problems: Vec<String>,
    /// The ids of the policies in the text.
    pub policies: Vec<String>,
    /// The recent calls that the text decides differently.
    pub replay: Vec<String>,
}

/// A test case of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PolicyCase {
    /// The name in the report.
    pub name: String,
    /// The calling agent.
    pub agent: AgentId,
    /// The server.
    pub server: ServerId,
    /// The tool.
    pub tool: ToolName,
    /// The arguments.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
    pub arguments: Value,
    /// The labels of the agent.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The expected verdict: `allow`, `ask` or `deny`.
    pub expect: String,
}

/// Test cases for a policy text, or for the policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PolicyTest {
    /// The text to test instead of the one in force.
    #[serde(default)]
    pub text: Option<String>,
    /// The cases.
    pub cases: Vec<PolicyCase>,
}

/// The result of one test case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PolicyCaseResult {
    /// The case's name.
    pub name: String,
    /// The expected verdict.
    pub expect: String,
    /// The actual verdict.
    pub got: String,
    /// The policies that decided.
    pub policies: Vec<String>,
}

/// The result of a test run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PolicyTestReport {
    /// One result per case.
    pub results: Vec<PolicyCaseResult>,
    /// The number of failed cases.
    pub failed: u64,
}
