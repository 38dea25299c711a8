//! Parts of a schema that cannot be checked, as people see them.
//!
//! Invariant: a value is given whole or not at all. Whoever shows it removes secrets first and cuts afterwards: a part of
//! a secret would no longer be found.

use briefcase_types::text;
use serde_json::Value;

/// The longest value that is given.
const VALUE_MAX: usize = 1024;

/// A part of a definition that cannot be checked or used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncheckedPart {
    /// The part: a JSON pointer, made printable.
    pub path: String,
    /// Its value as JSON, made printable, or its kind and size when it is large. Empty when it is absent.
    pub value: String,
    /// The reason.
    pub reason: String,
}

impl UncheckedPart {
    /// Describes a part.
    #[must_use]
    pub fn new(path: &str, value: Option<&Value>, reason: impl Into<String>) -> Self {
        let value = value.map(whole_or_kind).unwrap_or_default();
        let path =
            if path.len() > VALUE_MAX { format!("(a place of {} bytes)", path.len()) } else { text::printable(path) };
        Self { path, value, reason: reason.into() }
    }

    /// The same part, seen from the definition that contains the schema at `place`.
    #[must_use]
    pub fn below(self, place: &str) -> Self {
        Self { path: format!("{place}{}", self.path), ..self }
    }
}

impl std::fmt::Display for UncheckedPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = if self.path.is_empty() { "the definition" } else { &self.path };
        if self.value.is_empty() {
            write!(f, "`{path}`: {}", self.reason)
        } else {
            write!(f, "`{path}` is `{}`: {}", self.value, self.reason)
        }
    }
}

/// The JSON text of a value. A large value is named by its kind only: the text of 64 KiB helps nobody.
fn whole_or_kind(value: &Value) -> String {
    match value {
        Value::Object(members) if members.len() > 4 => return format!("an object of {} members", members.len()),
        Value::Array(items) if items.len() > 8 => return format!("an array of {} items", items.len()),
        _ => {}
    }
    let whole = value.to_string();
    if whole.len() > VALUE_MAX { format!("a value of {} bytes", whole.len()) } else { text::printable(&whole) }
}
