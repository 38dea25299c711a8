//! A decision about an approval request, and its proof.

use std::time::Duration;

use briefcase_admin_client::pin_evidence;
use briefcase_api::Decided;
use briefcase_types::{ApprovalRequest, ApprovalScope, Decision, SecretString};
use serde_json::Value;

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
    pub fn decision(&self) -> Decision {
        Decision::Allow(match self {
            Self::Deny => return Decision::Deny,
            Self::Once => ApprovalScope::Once,
            Self::SessionExact => ApprovalScope::SessionExact,
            Self::SessionTool => ApprovalScope::SessionTool,
            Self::Rule { fixed, lasts } => ApprovalScope::Rule { fixed: fixed.clone(), seconds: lasts.as_secs() },
        })
    }

    /// The effect of the decision, shown before the PIN.
    pub fn meaning(&self, request: &ApprovalRequest) -> String {
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
    request: &ApprovalRequest,
    choice: &Choice,
    pin: &SecretString,
) -> Result<Decided, Failure> {
    Ok(waiting("Recording", ctx.client.decide(request, choice.decision(), pin_evidence(pin))).await?)
}

/// The names of the top-level arguments of a request.
pub fn argument_names(request: &ApprovalRequest) -> Vec<String> {
    let value: Value = serde_json::from_str(&request.arguments).unwrap_or_default();
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
