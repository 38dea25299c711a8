//! Problems in a policy text, each with its place and a suggestion.

use std::fmt;

use briefcase_types::text;
use cedar_policy::{PolicySet, Schema, ValidationMode, Validator, ffi::DetailedError};

/// A policy text was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Problems in the text.
    #[error("the policy text has {} problem(s); the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Problems(Vec<PolicyProblem>),
    /// The agents, servers and tools of the document cannot be expressed in Cedar.
    #[error("the agents, servers and tools cannot be expressed in Cedar: {0}")]
    Inexpressible(String),
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The description of the problem.
    pub message: String,
    /// A suggestion.
    pub help: Option<String>,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " ({help})"))
    }
}

impl PolicyProblem {
    pub(super) fn at(source: &str, offset: usize, message: impl Into<String>, help: Option<String>) -> Self {
        let before = text::clip(source, offset);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()).saturating_add(1);
        Self { line, column, message: text::printable(&message.into()), help }
    }

    fn of(source: &str, error: DetailedError) -> Self {
        let offset = error.source_locations.first().map_or(0, |label| label.loc.start);
        Self::at(source, offset, error.message, error.help)
    }

    pub(super) fn all(source: &str, error: &cedar_policy::ParseErrors) -> Vec<Self> {
        error.iter().map(|error| Self::of(source, DetailedError::from(error))).collect()
    }
}

/// Checks policies against the schema, strictly: rejects a policy that could fail during evaluation, or that can never
/// apply.
pub(super) fn validate(source: &str, policies: &PolicySet, schema: &Schema) -> Result<(), PolicyError> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    let errors = result.validation_errors().map(|error| PolicyProblem::of(source, DetailedError::from(error)));
    let warnings = result.validation_warnings().map(|warning| PolicyProblem::of(source, DetailedError::from(warning)));
    let mut problems: Vec<_> = errors.chain(warnings).collect();
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems.dedup();
    if problems.is_empty() { Ok(()) } else { Err(PolicyError::Problems(problems)) }
}
