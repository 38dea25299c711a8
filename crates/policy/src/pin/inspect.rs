//! The check of a server's list of tools: definitions that can be pinned, and those that cannot.

use std::collections::BTreeMap;

use briefcase_json::JsonLimits;
use briefcase_types::{Digest, ServerId, ToolName};
use serde_json::Value;

use super::{DEFINITION_BYTES_MAX, TOOLS_MAX, pin};
use briefcase_schema::{self as schema, Schema, SchemaError};

/// One entry of a list.
#[derive(Debug)]
pub struct Inspected {
    /// The definition, or the reason to quarantine it.
    pub verdict: Result<Sound, Quarantine>,
    /// The name from the server, made printable and cut.
    pub shown_name: String,
}

/// A definition that can be pinned and called.
#[derive(Debug)]
pub struct Sound {
    /// The tool.
    pub tool: ToolName,
    /// The pin.
    pub pin: Digest,
    /// The definition.
    pub definition: Value,
    /// The schema of the arguments.
    pub input: Schema,
    /// The schema of the structured results, if the server gives one.
    pub output: Option<Schema>,
}

/// The reason why a tool is neither shown nor called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Quarantine {
    /// The definition is too long.
    #[error("its definition is longer than {} KiB", DEFINITION_BYTES_MAX >> 10)]
    TooLong,
    /// The server offers too many tools; this one is after the last accepted.
    #[error("the server offers more than {TOOLS_MAX} tools")]
    TooMany,
    /// The definition is not JSON that every parser reads alike.
    #[error("its definition is not strict JSON: {0}")]
    Json(String),
    /// The definition is not an object with a name and an input schema.
    #[error("its definition lacks {0}")]
    Incomplete(&'static str),
    /// The name has forbidden characters (spaces, look-alikes, invisible ones).
    #[error("its name is not 1 to 128 of A-Z, a-z, 0-9, _, . and -")]
    Name,
    /// Another tool of the server has the same name.
    #[error("the server offers two tools of this name")]
    Duplicate,
    /// Another tool of the server has a name that looks the same to a person.
    #[error("the server offers `{0}` too, which a person cannot tell apart")]
    Confusable(String),
    /// The input schema cannot be used.
    #[error("its input schema cannot be used: {0}")]
    Input(SchemaError),
    /// The output schema cannot be used.
    #[error("its output schema cannot be used: {0}")]
    Output(SchemaError),
}

impl Quarantine {
    /// A stable word for receipts.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "definition_too_long",
            Self::TooMany => "too_many_tools",
            Self::Json(_) => "definition_not_json",
            Self::Incomplete(_) => "definition_incomplete",
            Self::Name => "name",
            Self::Duplicate => "duplicate",
            Self::Confusable(_) => "confusable",
            Self::Input(_) => "input_schema",
            Self::Output(_) => "output_schema",
        }
    }
}

/// Inspects every tool of a list, in order.
#[must_use]
pub fn inspect<'a>(server: &ServerId, definitions: impl IntoIterator<Item = &'a [u8]>) -> Vec<Inspected> {
    let entries = definitions.into_iter().enumerate();
    let mut found: Vec<_> = entries.map(|(index, raw)| entry(server, index, raw)).collect();
    quarantine_collisions(&mut found);
    found
}

fn entry(server: &ServerId, index: usize, raw: &[u8]) -> Inspected {
    let parsed = parse(raw);
    let name = parsed.as_ref().ok().and_then(|value| value.get("name")).and_then(Value::as_str).unwrap_or("(no name)");
    let shown_name = briefcase_types::text::printable(briefcase_types::text::clip(name, 128));
    let verdict =
        if index < TOOLS_MAX { parsed.and_then(|value| sound(server, value)) } else { Err(Quarantine::TooMany) };
    Inspected { verdict, shown_name }
}

fn parse(raw: &[u8]) -> Result<Value, Quarantine> {
    if raw.len() > DEFINITION_BYTES_MAX {
        return Err(Quarantine::TooLong);
    }
    let limits = JsonLimits { bytes: DEFINITION_BYTES_MAX, depth: 64, ..JsonLimits::UPSTREAM };
    briefcase_json::parse_relayed(raw, &limits).map_err(|error| Quarantine::Json(error.to_string()))
}

fn sound(server: &ServerId, definition: Value) -> Result<Sound, Quarantine> {
    let name = definition.get("name").and_then(Value::as_str).ok_or(Quarantine::Incomplete("a name"))?;
    let tool: ToolName = name.parse().map_err(|_| Quarantine::Name)?;
    let schema = definition.get("inputSchema").ok_or(Quarantine::Incomplete("an input schema"))?;
    let input = schema::compile(schema).map_err(Quarantine::Input)?;
    let output = match definition.get("outputSchema") {
        Some(schema) => Some(schema::compile(schema).map_err(Quarantine::Output)?),
        None => None,
    };
    Ok(Sound { pin: pin(server, &definition), tool, definition, input, output })
}

fn quarantine_collisions(found: &mut [Inspected]) {
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    let mut by_look: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in found.iter() {
        let Ok(sound) = &entry.verdict else { continue };
        let name = sound.tool.as_str();
        *by_name.entry(name.to_owned()).or_default() += 1;
        for look in looks(name) {
            let alike = by_look.entry(look).or_default();
            if !alike.iter().any(|other| other == name) {
                alike.push(name.to_owned());
            }
        }
    }
    for entry in found {
        let Ok(sound) = &entry.verdict else { continue };
        let name = sound.tool.as_str();
        if by_name.get(name).is_some_and(|count| *count > 1) {
            entry.verdict = Err(Quarantine::Duplicate);
        } else if let Some(other) = other_alike(name, &by_look) {
            entry.verdict = Err(Quarantine::Confusable(other));
        }
    }
}

fn other_alike(name: &str, by_look: &BTreeMap<String, Vec<String>>) -> Option<String> {
    looks(name).iter().filter_map(|look| by_look.get(look)).flatten().find(|other| *other != name).cloned()
}

/// Two forms of a name for comparison. Both ignore case. The first treats `-`, `.` and `_` alike; the second merges
/// look-alike letters and digits.
fn looks(name: &str) -> [String; 2] {
    let folded = name.chars().map(|character| match character {
        '-' | '.' => '_',
        other => other.to_ascii_lowercase(),
    });
    let alike = name.chars().map(|character| match character {
        'I' | '1' => 'l',
        'O' | '0' => 'o',
        other => other.to_ascii_lowercase(),
    });
    [format!("case {}", folded.collect::<String>()), format!("look {}", alike.collect::<String>())]
}
