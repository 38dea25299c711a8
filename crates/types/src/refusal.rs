//! Refusals. A refusal is a decision, not an error: it has a stable code and a next step for a person.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ApprovalId, ReceiptIndex};

/// The stable code of a refusal (requirement A5). New codes may be added; a code never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalCode {
    /// The arguments do not match the tool's schema, or parsers could disagree about them.
    InvalidArgs,
    /// Policy denies the call with and without approval, or a person denied it.
    Denied,
    /// A person must decide first. The same call, made again, uses the decision.
    ApprovalRequired,
    /// The approval request expired before a decision.
    ApprovalExpired,
    /// The call would exceed a budget.
    BudgetExceeded,
    /// The upstream server requires the user to log in.
    OauthRequired,
    /// The upstream server requires a payment.
    PaymentRequired,
    /// The agent, grant or credential was revoked.
    Revoked,
    /// Tool code tried to leave its sandbox.
    SandboxViolation,
    /// The tool's definition is not the one a person accepted.
    ToolChanged,
    /// The upstream server failed, or its reply cannot be passed on.
    UpstreamError,
    /// Briefcase cannot serve the call now: it is locked or overloaded, or its record cannot be written.
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

/// The reason why a call did not run, as the agent and the receipt see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The stable code.
    pub code: RefusalCode,
    /// The stable word for the reason within the code, such as `prompt_budget` or `schema`.
    pub reason: String,
    /// The message for a person. It contains no argument values and no text of an upstream server.
    pub message: String,
    /// The next step for a person.
    pub next_step: String,
    /// The receipt that records the refusal. `None` before it is recorded, or when the log cannot be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptIndex>,
    /// The open approval request, for `approval_required`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}

impl Refusal {
    /// Makes a refusal that has no receipt yet.
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
