//! The error body of the admin contract.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An error and the next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Problem {
    /// The stable code in `snake_case`, such as `locked`, `wrong_pin`, `locked_out`, `no_such_question`, `not_found`,
    /// `invalid`, `conflict`, `factor_required`, `unavailable`, `rate_limited`, `forbidden`.
    pub code: String,
    /// The message for a person.
    pub message: String,
    /// The next step, often a command.
    pub next_step: String,
}

impl Problem {
    /// Makes a problem.
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
