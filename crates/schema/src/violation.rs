//! Violations of a schema. They never repeat a part of the value except the names of its members.

use std::fmt;

use briefcase_types::text;
use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use serde_json::Value;

/// The longest text of a schema or of a place in a message.
const SHOWN_MAX: usize = 256;

/// A violation of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The place in the value: a JSON pointer, made printable. Empty for the whole value.
    pub path: String,
    /// The keyword of the schema.
    pub keyword: String,
    /// The expected value.
    pub message: String,
}

impl Violation {
    pub(super) fn of(error: &ValidationError<'_>) -> Self {
        Self {
            path: shown(error.instance_path().as_str()),
            keyword: error.kind().keyword().to_owned(),
            message: message(error.kind(), error.instance()),
        }
    }

    pub(super) fn too_complex() -> Self {
        let message = "is too large or too deeply nested for this schema".to_owned();
        Self { path: String::new(), keyword: "limit".to_owned(), message }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.path.is_empty() { "the value" } else { &self.path };
        write!(f, "{place} {}", self.message)
    }
}

pub(super) fn shown_path(error: &ValidationError<'_>) -> String {
    shown(error.instance_path().as_str())
}

/// The text made printable. A long one is named by its size, not cut: a part of a secret in it would not be found.
fn shown(text: &str) -> String {
    if text.len() > SHOWN_MAX { format!("(a text of {} bytes)", text.len()) } else { text::printable(text) }
}

/// A value of the schema, which is text from the server.
fn rule(value: &Value) -> String {
    shown(&value.to_string())
}

fn names(unexpected: &[String]) -> String {
    let quoted: Vec<_> = unexpected.iter().take(4).map(|name| format!("`{}`", shown(name))).collect();
    quoted.join(", ")
}

/// The type of a value, as JSON Schema names it.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn message(kind: &Kind, value: &Value) -> String {
    match kind {
        Kind::Required { property } => format!("lacks {}", rule(property)),
        Kind::Type { .. } => match kind_words(kind) {
            Some(words) => format!("is of type {}, and has to be of type {words}", type_of(value)),
            None => "has the wrong type".to_owned(),
        },
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("has members that the tool does not take: {}", names(unexpected))
        }
        Kind::Enum { options } => format!("has to be one of {}", rule(options)),
        Kind::Constant { expected_value } => format!("has to be {}", rule(expected_value)),
        Kind::Pattern { pattern } => format!("does not match the pattern {}", shown(pattern)),
        Kind::MinLength { limit } => format!("needs at least {limit} characters"),
        Kind::MaxLength { limit } => format!("may have at most {limit} characters"),
        Kind::MinItems { limit } => format!("needs at least {limit} items"),
        Kind::MaxItems { limit } => format!("may have at most {limit} items"),
        Kind::AdditionalItems { limit } => format!("may have at most {limit} items"),
        Kind::MinProperties { limit } => format!("needs at least {limit} members"),
        Kind::MaxProperties { limit } => format!("may have at most {limit} members"),
        Kind::Minimum { limit } => format!("has to be at least {}", rule(limit)),
        Kind::Maximum { limit } => format!("may be at most {}", rule(limit)),
        Kind::ExclusiveMinimum { limit } => format!("has to be more than {}", rule(limit)),
        Kind::ExclusiveMaximum { limit } => format!("has to be less than {}", rule(limit)),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => match alternative_types(context) {
            Some(words) => format!("is of type {}, and has to be of type {words}", type_of(value)),
            None => "fits none of the allowed forms".to_owned(),
        },
        Kind::OneOfMultipleValid { .. } => "fits more than one of forms that exclude each other".to_owned(),
        Kind::FalseSchema => "may not be there".to_owned(),
        Kind::UniqueItems => "may not hold the same item twice".to_owned(),
        other => format!("breaks the rule `{}`", shown(other.keyword())),
    }
}

/// The types of alternatives that ask for nothing else, such as `integer or null`.
fn alternative_types(alternatives: &[Vec<ValidationError<'_>>]) -> Option<String> {
    let one = |errors: &Vec<ValidationError<'_>>| match errors.as_slice() {
        [error] => kind_words(error.kind()),
        _ => None,
    };
    let words: Vec<String> = alternatives.iter().map(one).collect::<Option<_>>()?;
    (!words.is_empty()).then(|| words.join(" or "))
}

fn kind_words(kind: &Kind) -> Option<String> {
    let Kind::Type { kind } = kind else { return None };
    Some(match kind {
        jsonschema::error::TypeKind::Single(one) => one.to_string(),
        jsonschema::error::TypeKind::Multiple(many) => {
            let words: Vec<_> = many.iter().map(|one| one.to_string()).collect();
            words.join(" or ")
        }
    })
}
