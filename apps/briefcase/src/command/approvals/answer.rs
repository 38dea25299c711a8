//! An answer to a question: how far it reaches, and its proof.

use std::time::Duration;

use briefcase_admin_client::pin_evidence;
use briefcase_api::Decided;
use briefcase_types::{ApprovalRequest, ApprovalScope, Decision, SecretString};
use serde_json::Value;

use crate::{context::CommandContext, failure::Failure, printer::waiting};

/// How a person answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// No.
    Deny,
    /// This one call.
    Once,
    /// This tool with exactly these arguments, until the session ends.
    SessionExact,
    /// This tool with any arguments, until the session ends.
    SessionTool,
    /// A standing rule: these arguments as they are, the others free, for a time.
    Rule {
        /// Arguments that have to stay as they are.
        fixed: Vec<String>,
        /// How long it lasts.
        lasts: Duration,
    },
}

impl Choice {
    /// The decision that the choice stands for.
    pub fn decision(&self) -> Decision {
        Decision::Allow(match self {
            Self::Deny => return Decision::Deny,
            Self::Once => ApprovalScope::Once,
            Self::SessionExact => ApprovalScope::SessionExact,
            Self::SessionTool => ApprovalScope::SessionTool,
            Self::Rule { fixed, lasts } => ApprovalScope::Rule { fixed: fixed.clone(), seconds: lasts.as_secs() },
        })
    }

    /// What it means, for the moment before the PIN.
    pub fn meaning(&self, question: &ApprovalRequest) -> String {
        let tool = format!("{}/{}", question.server, question.name);
        match self {
            Self::Deny => format!("deny {tool}"),
            Self::Once => format!("allow {tool} this once"),
            Self::SessionExact => format!("allow {tool} with exactly these arguments until the session ends"),
            Self::SessionTool => format!("allow {tool} with ANY arguments until the session ends"),
            Self::Rule { fixed, lasts } if fixed.is_empty() => {
                format!("allow {} to call {tool} with ANY arguments for {} s", question.agent, lasts.as_secs())
            }
            Self::Rule { fixed, lasts } => {
                let kept = fixed.join(", ");
                format!("allow {} to call {tool} with the same {kept} for {} s", question.agent, lasts.as_secs())
            }
        }
    }
}

/// Records a decision about exactly the question that was shown.
pub async fn decide_with_pin(
    ctx: &CommandContext,
    question: &ApprovalRequest,
    choice: &Choice,
    pin: &SecretString,
) -> Result<Decided, Failure> {
    Ok(waiting("Recording", ctx.client.decide(question, choice.decision(), pin_evidence(pin))).await?)
}

/// The names of the top-level arguments of a question.
pub fn argument_names(question: &ApprovalRequest) -> Vec<String> {
    let value: Value = serde_json::from_str(&question.arguments).unwrap_or_default();
    value.as_object().map(|members| members.keys().cloned().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn choices_are_worded_as_the_contract_has_them() {
        let rule = Choice::Rule { fixed: vec!["path".into()], lasts: Duration::from_secs(86_400) };
        let json = |choice: Choice| serde_json::to_value(choice.decision()).unwrap();
        assert_eq!(json(rule), json!({"decision":"allow","scope":"rule","fixed":["path"],"seconds":86400}));
        assert_eq!(json(Choice::Once)["scope"], "once");
        assert_eq!(json(Choice::SessionExact)["scope"], "session_exact");
        assert_eq!(json(Choice::SessionTool)["scope"], "session_tool");
        assert_eq!(json(Choice::Deny), json!({"decision":"deny"}));
    }
}
