//! JSON Schemas from servers: compiled once, bounded, then fast.
//!
//! Servers write schemas in every dialect, and with mistakes. [`read`] checks what can be checked and names the rest;
//! [`compile`] accepts whole schemas only.
//!
//! Invariant: a compiled schema never fetches anything, and a check against it does a bounded amount of work (attack
//! 48). The bound is counted, not timed. After compilation, the number of applications of schema parts at each depth of
//! a value is known, and a value that would need more is rejected. Patterns run on an engine without backtracking.

mod bounds;
mod translate;
mod unchecked_part;
mod violation;

use jsonschema::{PatternOptions, ValidationOptions};
use serde_json::Value;
pub use unchecked_part::UncheckedPart;
pub use violation::Violation;

/// The maximum work of one check: applications of schema parts to value parts. Some tens of milliseconds.
const WORK_MAX: u64 = 4_000_000;
/// The maximum length of text that patterns search.
const PATTERN_TEXT_MAX: usize = 1 << 20;
/// The maximum memory of one compiled pattern.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// The maximum number of reported violations of one value.
const VIOLATIONS_MAX: usize = 8;

/// A compiled schema.
pub struct Schema {
    validator: jsonschema::Validator,
    bounds: bounds::Bounds,
}

/// A schema was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The schema is not an object.
    #[error("it is not an object")]
    NotAnObject,
    /// The schema is too large: more than 2,000 parts, 64 levels, or 64 patterns.
    #[error("it is too large: {0}")]
    TooLarge(&'static str),
    /// A reference leads out of the schema, or depends on a dynamic context. Nothing is fetched.
    #[error("it refers to something outside of itself, or by `$dynamicRef` or a nested `$id`")]
    Reference,
    /// A reference names a part that does not exist.
    #[error("it refers to a part that does not exist")]
    Dangling,
    /// A part applies itself to the same value without end.
    #[error("a part refers to itself without going deeper into the value")]
    Cycle,
    /// Checking even a small value would take too long.
    #[error("checking a value against it would take too long")]
    TooComplex,
    /// The schema names an unknown dialect.
    #[error("it names a dialect other than draft 4, 6, 7, 2019-09 or 2020-12")]
    Dialect,
    /// The compiler rejected it: a keyword has a wrong value, or a pattern needs look-around or back-references.
    #[error("it does not compile at `{0}`: a wrong value, or a pattern with look-around or back-references")]
    Compile(String),
}

/// A schema with the parts of it that are not checked.
#[derive(Debug)]
pub struct ReadSchema {
    /// The checks; `None` when no part can be checked.
    pub schema: Option<Schema>,
    /// The parts that are not checked.
    pub problems: Vec<UncheckedPart>,
}

/// Reads a schema of any dialect. Parts that cannot be checked within the limits are named and left out. A value that
/// fits the original always passes the checks.
#[must_use]
pub fn read(schema: &Value) -> ReadSchema {
    if let Ok(whole) = compile(schema) {
        return ReadSchema { schema: Some(whole), problems: Vec::new() };
    }
    let compiled =
        translate::translate(schema).and_then(|translated| Ok((compile(&translated.schema)?, translated.problems)));
    match compiled {
        Ok((compiled, problems)) => ReadSchema { schema: Some(compiled), problems },
        Err(error) => ReadSchema { schema: None, problems: vec![unread(schema, &error)] },
    }
}

/// Returns whether some part of a schema can be checked within the limits, without compiling it.
#[must_use]
pub fn is_checkable(schema: &Value) -> bool {
    bounds::measure(schema).is_ok()
        || translate::translate(schema).is_ok_and(|translated| bounds::measure(&translated.schema).is_ok())
}

fn unread(schema: &Value, error: &SchemaError) -> UncheckedPart {
    match (error, schema.get("$schema")) {
        (SchemaError::Dialect, Some(dialect)) => UncheckedPart::new("/$schema", Some(dialect), error.to_string()),
        _ => UncheckedPart::new("", Some(schema), error.to_string()),
    }
}

/// Compiles a schema.
///
/// # Errors
/// [`SchemaError`].
pub fn compile(schema: &Value) -> Result<Schema, SchemaError> {
    let bounds = bounds::measure(schema)?;
    let validator = options().build(schema).map_err(|error| SchemaError::Compile(violation::shown_path(&error)))?;
    Ok(Schema { validator, bounds })
}

/// The options of every compilation: nothing is fetched, and patterns run without backtracking.
fn options<'i>() -> ValidationOptions<'i> {
    jsonschema::options()
        .offline()
        .should_validate_formats(false)
        .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX))
}

impl Schema {
    /// Checks a value. Messages name places and rules, never values.
    ///
    /// # Errors
    /// Up to 8 violations.
    pub fn validate(&self, value: &Value) -> Result<(), Vec<Violation>> {
        let size = Size::of(value);
        let work = self.bounds.work(size.depth).saturating_mul(size.nodes);
        let searched = self.bounds.patterns() && size.text > PATTERN_TEXT_MAX;
        if work > WORK_MAX || searched {
            return Err(vec![Violation::too_complex()]);
        }
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let errors = self.validator.iter_errors(value).take(VIOLATIONS_MAX);
        let violations: Vec<_> = errors.map(|error| Violation::of(&error)).collect();
        Err(if violations.is_empty() { vec![Violation::too_complex()] } else { violations })
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schema").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// The size of a value.
#[derive(Default)]
struct Size {
    nodes: u64,
    depth: usize,
    text: usize,
}

impl Size {
    fn of(value: &Value) -> Self {
        let mut size = Self::default();
        size.add(value, 0);
        size
    }

    fn add(&mut self, value: &Value, depth: usize) {
        self.nodes = self.nodes.saturating_add(1);
        self.depth = self.depth.max(depth);
        match value {
            Value::String(text) => self.text = self.text.saturating_add(text.len()),
            Value::Array(items) => items.iter().for_each(|item| self.add(item, depth.saturating_add(1))),
            Value::Object(members) => {
                for (name, member) in members {
                    self.text = self.text.saturating_add(name.len());
                    self.add(member, depth.saturating_add(1));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
