//! Errors of the admin contract.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Problem {
    /// Stable code in `snake_case`, such as `locked`, `wrong_pin`, `locked_out`, `no_such_question`, `not_found`,
    /// `invalid`, `conflict`, `factor_required`, `unavailable`, `rate_limited`, `forbidden`.
    pub code: String,
    /// What happened, for a person.
    pub message: String,
    /// What to do about it, often a command.
    pub next_step: String,
}

impl Problem {
    /// A problem.
    pub fn new(code: impl Into<String>, message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), next_step: next_step.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}). {}", self.message, self.code, self.next_step)
    }
}

impl std::error::Error for Problem {}
