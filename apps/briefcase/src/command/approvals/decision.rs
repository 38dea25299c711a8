//! A decision about an approval request, and its proof.

use std::time::Duration;

use briefcase_admin_client::pin_evidence;
use briefcase_api::{Decided, Question};
use briefcase_types::SecretString;
use serde_json::{Value, json};

use crate::{context::CommandContext, failure::Failure, printer::waiting};

/// The decision of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Deny the request.
    Deny,
    /// Allow this one call.
    Once,
    /// Allow this tool with exactly these arguments, until the session ends.
    SessionExact,
    /// Allow this tool with any arguments, until the session ends.
    SessionTool,
    /// Save an approval: some arguments fixed, the others free, for a time.
    Rule {
        /// The fixed arguments.
        fixed: Vec<String>,
        /// The duration.
        lasts: Duration,
    },
}

impl Choice {
    /// The decision in the contract's form.
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

    /// The effect of the decision, shown before the PIN.
    pub fn meaning(&self, request: &Question) -> String {
        let tool = format!("{}/{}", request.server, request.name);
        match self {
            Self::Deny => format!("deny {tool}"),
            Self::Once => format!("allow {tool} this once"),
            Self::SessionExact => format!("allow {tool} with exactly these arguments until the session ends"),
            Self::SessionTool => format!("allow {tool} with ANY arguments until the session ends"),
            Self::Rule { fixed, lasts } if fixed.is_empty() => {
                format!("allow {} to call {tool} with ANY arguments for {} s", request.agent, lasts.as_secs())
            }
            Self::Rule { fixed, lasts } => {
                let kept = fixed.join(", ");
                format!("allow {} to call {tool} with the same {kept} for {} s", request.agent, lasts.as_secs())
            }
        }
    }
}

/// Records a decision about exactly the approval request that was shown.
pub async fn decide_with_pin(
    ctx: &CommandContext,
    request: &Question,
    choice: &Choice,
    pin: &SecretString,
) -> Result<Decided, Failure> {
    Ok(waiting("Recording", ctx.client.decide(request, choice.decision(), pin_evidence(pin))).await?)
}

/// The names of the top-level arguments of a request.
pub fn argument_names(request: &Question) -> Vec<String> {
    let value: Value = serde_json::from_str(&request.arguments).unwrap_or_default();
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
