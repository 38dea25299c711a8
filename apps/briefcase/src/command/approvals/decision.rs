//! An answer to a question: how far it reaches, and its proof.

use std::time::Duration;

use briefcase_admin_client::pin_evidence;
use briefcase_api::{Decided, Question};
use briefcase_types::SecretString;
use serde_json::{Value, json};

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
    /// As the contract words it.
    pub fn decision(&self) -> Value {
        match self {
            Self::Deny => json!({ "decision": "deny" }),
            Self::Once => json!({ "decision": "allow", "scope": "once" }),
            Self::SessionExact => json!({ "decision": "allow", "scope": "session_exact" }),
            Self::SessionTool => json!({ "decision": "allow", "scope": "session_tool" }),
            Self::Rule { fixed, lasts } => {
                json!({ "decision": "allow", "scope": "rule", "fixed": fixed, "seconds": lasts.as_secs() })
            }
        }
    }

    /// What it means, for the moment before the PIN.
    pub fn meaning(&self, question: &Question) -> String {
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
    question: &Question,
    choice: &Choice,
    pin: &SecretString,
) -> Result<Decided, Failure> {
    Ok(waiting("Recording", ctx.client.decide(question, choice.decision(), pin_evidence(pin))).await?)
}

/// The names of the top-level arguments of a question.
pub fn argument_names(question: &Question) -> Vec<String> {
    let value: Value = serde_json::from_str(&question.arguments).unwrap_or_default();
    value.as_object().map(|members| members.keys().cloned().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_worded_as_the_contract_has_them() {
        let rule = Choice::Rule { fixed: vec!["path".into()], lasts: Duration::from_secs(86_400) };
        assert_eq!(rule.decision(), json!({"decision":"allow","scope":"rule","fixed":["path"],"seconds":86400}));
        assert_eq!(Choice::SessionExact.decision()["scope"], "session_exact");
        assert_eq!(Choice::SessionTool.decision()["scope"], "session_tool");
        assert_eq!(Choice::Deny.decision(), json!({"decision":"deny"}));
    }
}
