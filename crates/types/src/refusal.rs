//! Refusals: decisions, not errors. Each has one stable code and says what a person can do next.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ApprovalId, ReceiptIndex};

/// The stable code of a refusal (requirement A5). New codes may be added; a code never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalCode {
    /// The arguments do not fit the tool's schema, or cannot be read the same way by every parser.
    InvalidArgs,
    /// Policy does not allow the call, with or without approval; or a person denied it.
    Denied,
    /// A person has to decide first. Retrying the same call picks the decision up.
    ApprovalRequired,
    /// The question was not answered in time.
    ApprovalExpired,
    /// The call would go past a budget.
    BudgetExceeded,
    /// The upstream server wants the user to log in.
    OauthRequired,
    /// The upstream server wants to be paid.
    PaymentRequired,
    /// The agent, grant or credential was taken away.
    Revoked,
    /// Tool code tried to leave its sandbox.
    SandboxViolation,
    /// The tool's definition is not the one a person accepted.
    ToolChanged,
    /// The upstream server failed, or answered with something that cannot be passed on.
    UpstreamError,
    /// Briefcase itself cannot serve the call now: locked, overloaded, or its record cannot be written.
    Unavailable,
}

impl RefusalCode {
    /// The code as text, such as `approval_required`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgs => "invalid_args",
            Self::Denied => "denied",
            Self::ApprovalRequired => "approval_required",
            Self::ApprovalExpired => "approval_expired",
            Self::BudgetExceeded => "budget_exceeded",
            Self::OauthRequired => "oauth_required",
            Self::PaymentRequired => "payment_required",
            Self::Revoked => "revoked",
            Self::SandboxViolation => "sandbox_violation",
            Self::ToolChanged => "tool_changed",
            Self::UpstreamError => "upstream_error",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a call did not run, as the agent and the receipt both see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable code.
    pub code: RefusalCode,
    /// A finer, stable word for the reason inside the code, such as `prompt_budget` or `schema`.
    pub reason: String,
    /// What happened, for a person. Holds no argument values and no text from an upstream server.
    pub message: String,
    /// What a person can do about it.
    pub next_step: String,
    /// The receipt that records the refusal. `None` only while it is being made, or when the log cannot be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptIndex>,
    /// The open question, for `approval_required`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}

impl Refusal {
    /// A refusal without a receipt yet.
    pub fn new(
        code: RefusalCode,
        reason: impl Into<String>,
        message: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        let (reason, message, next_step) = (reason.into(), message.into(), next_step.into());
        Self { code, reason, message, next_step, receipt: None, approval: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.code, self.message, self.next_step)
    }
}
