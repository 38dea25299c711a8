//! The check of a server's list of tools: definitions that can be pinned, and those that cannot.
//!
//! A tool is quarantined only when it cannot be named, or when parsers read its definition differently. A schema that
//! cannot be checked does not cost the tool.

use std::collections::{BTreeMap, BTreeSet};

use briefcase_json::JsonLimits;
use briefcase_schema::UncheckedPart;
use briefcase_types::{Digest, ServerId, ToolName, text};
use serde_json::Value;

use super::{DEFINITION_BYTES_MAX, TOOLS_MAX, pin_varying};

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
    /// The tool's name here: the server's own, or an alias of it.
    pub tool: ToolName,
    /// The server's own name for the tool.
    pub own_name: String,
    /// The pin.
    pub pin: Digest,
    /// The definition.
    pub definition: Value,
}

/// The reason why a tool is neither shown nor called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Quarantine {
    /// The definition is too long.
    #[error("its definition is longer than {limit} KiB: {0} bytes", limit = DEFINITION_BYTES_MAX >> 10)]
    TooLong(usize),
    /// The server offers too many tools; this one is after the last accepted.
    #[error("the server offers more than {TOOLS_MAX} tools")]
    TooMany,
    /// The definition is not JSON that every parser reads alike.
    #[error("its definition is not strict JSON: {0}")]
    Json(String),
    /// The definition is not an object with a name.
    #[error("its definition has no name: {0}")]
    NoName(UncheckedPart),
    /// Another tool of the server has the same name.
    #[error("`/name`: the server offers two tools of this name")]
    Duplicate,
}

impl Quarantine {
    /// A stable word for receipts.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "definition_too_long",
            Self::TooMany => "too_many_tools",
            Self::Json(_) => "definition_not_json",
            Self::NoName(_) => "name",
            Self::Duplicate => "duplicate",
        }
    }

    /// The place and the value that quarantine the tool.
    #[must_use]
    pub fn problem(&self) -> UncheckedPart {
        match self {
            Self::NoName(problem) => problem.clone(),
            Self::Duplicate => UncheckedPart::new("/name", None, self.to_string()),
            other => UncheckedPart::new("", None, other.to_string()),
        }
    }

    /// The next step for the person.
    #[must_use]
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::TooLong(_) | Self::TooMany => {
                "Ask the server's author for less, or let the server offer fewer tools."
            }
            Self::Json(_) => "Report it to the server's author: programs read such text differently.",
            Self::NoName(_) => "Report it to the server's author: a tool without a name cannot be called.",
            Self::Duplicate => "Report it to the server's author: a call would reach either of them.",
        }
    }
}

/// The longest name that is shown, in bytes.
const NAME_SHOWN: usize = 1024;

/// Inspects every tool of a list, in order. `varying` names the places that may differ from the accepted definition.
#[must_use]
pub fn inspect<'a>(
    server: &ServerId,
    varying: &BTreeMap<ToolName, BTreeSet<String>>,
    definitions: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Inspected> {
    let entries = definitions.into_iter().enumerate();
    let mut found: Vec<_> = entries.map(|(index, raw)| entry(server, varying, index, raw)).collect();
    quarantine_duplicates(&mut found);
    found
}

fn entry(server: &ServerId, varying: &BTreeMap<ToolName, BTreeSet<String>>, index: usize, raw: &[u8]) -> Inspected {
    let parsed = parse(raw);
    let name = parsed.as_ref().ok().and_then(|value| value.get("name")).and_then(Value::as_str);
    let name = name.map_or_else(|| lenient_name(raw), ToOwned::to_owned);
    // Whole or not at all: a part of a secret would not be found when a person sees the name.
    let shown_name =
        if name.len() > NAME_SHOWN { format!("(a name of {} bytes)", name.len()) } else { text::printable(&name) };
    let verdict = if index < TOOLS_MAX {
        parsed.and_then(|value| sound(server, varying, value))
    } else {
        Err(Quarantine::TooMany)
    };
    Inspected { verdict, shown_name }
}

/// The name in a definition that is not strict JSON, to tell a person which one it is.
fn lenient_name(raw: &[u8]) -> String {
    let value: Option<Value> = serde_json::from_slice(raw).ok();
    let name = value.as_ref().and_then(|value| value.get("name")?.as_str());
    name.filter(|name| !name.is_empty()).unwrap_or("(no name)").to_owned()
}

fn parse(raw: &[u8]) -> Result<Value, Quarantine> {
    if raw.len() > DEFINITION_BYTES_MAX {
        return Err(Quarantine::TooLong(raw.len()));
    }
    let limits = JsonLimits { bytes: DEFINITION_BYTES_MAX, depth: 64, ..JsonLimits::UPSTREAM };
    briefcase_json::parse_relayed(raw, &limits).map_err(|error| Quarantine::Json(error.to_string()))
}

fn sound(
    server: &ServerId,
    varying: &BTreeMap<ToolName, BTreeSet<String>>,
    definition: Value,
) -> Result<Sound, Quarantine> {
    let name = definition.get("name");
    let no_name = |reason: &str| Quarantine::NoName(UncheckedPart::new("/name", name, reason));
    let own_name = name.and_then(Value::as_str).ok_or_else(|| no_name("a name is a text"))?.to_owned();
    let tool = ToolName::of_server(&own_name).ok_or_else(|| no_name("the name is empty"))?;
    let none = BTreeSet::new();
    let pin = pin_varying(server, &definition, varying.get(&tool).unwrap_or(&none));
    Ok(Sound { tool, own_name, pin, definition })
}

/// Quarantines tools of one name, own or alias: a call would reach either of them.
fn quarantine_duplicates(found: &mut [Inspected]) {
    let mut by_name: BTreeMap<ToolName, usize> = BTreeMap::new();
    for sound in found.iter().filter_map(|entry| entry.verdict.as_ref().ok()) {
        *by_name.entry(sound.tool.clone()).or_default() += 1;
    }
    for entry in found {
        let Ok(sound) = &entry.verdict else { continue };
        if by_name.get(&sound.tool).is_some_and(|count| *count > 1) {
            entry.verdict = Err(Quarantine::Duplicate);
        }
    }
}

/// Returns, for each name, whether it looks like another one of the list to a person.
#[must_use]
pub fn look_alike(names: &[&ToolName]) -> Vec<bool> {
    let mut by_look: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for name in names {
        for look in looks(name.as_str()) {
            by_look.entry(look).or_default().insert(name.as_str());
        }
    }
    let another = |look: &String| by_look.get(look).is_some_and(|alike| alike.len() > 1);
    names.iter().map(|name| looks(name.as_str()).iter().any(another)).collect()
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
