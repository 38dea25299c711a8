//! A server's definitions, inspected and compiled once per distinct listing.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use briefcase_policy::pin::{self, Inspected, PoisoningSignal, Quarantine};
use briefcase_schema::Schema;
use briefcase_types::{Digest, ServerId, ToolName, text};
use bytes::Bytes;
use serde_json::Value;

use briefcase_ports::Listing;

/// Tools beyond a server's limit that are named to a person. The others are counted only.
const SURPLUS_NAMED: usize = 16;

/// The tools of one listing.
#[derive(Debug)]
pub struct Tools {
    order: Vec<Arc<Tool>>,
    by_name: HashMap<ToolName, usize>,
    quarantined: Vec<(String, String)>,
    /// The reason for each quarantined tool, by its server's name for it.
    why: HashMap<String, Quarantine>,
}

/// A tool with a sound definition.
#[derive(Debug)]
pub struct Tool {
    name: ToolName,
    pin: Digest,
    raw: Bytes,
    definition: Value,
    schemas: OnceLock<Result<Schemas, String>>,
}

#[derive(Debug)]
struct Schemas {
    input: Schema,
    output: Option<Schema>,
}

impl Tools {
    pub(crate) fn derive(server: &ServerId, listing: &Listing) -> Self {
        let inspected = pin::inspect(server, listing.tools.iter().map(|definition| definition.raw.as_ref()));
        let mut tools =
            Self { order: Vec::new(), by_name: HashMap::new(), quarantined: Vec::new(), why: HashMap::new() };
        for (Inspected { verdict, .. }, listed) in inspected.into_iter().zip(&listing.tools) {
            match verdict {
                Ok(sound) => {
                    tools.by_name.insert(sound.tool.clone(), tools.order.len());
                    tools.order.push(Arc::new(Tool {
                        name: sound.tool,
                        pin: sound.pin,
                        raw: listed.raw.clone(),
                        definition: sound.definition,
                        schemas: OnceLock::new(),
                    }));
                }
                Err(reason) => {
                    tools.why.insert(listed.name.clone(), reason);
                }
            }
        }
        tools.quarantined = shown(listing, &tools.why);
        tools
    }

    /// The reason why a listed tool is quarantined.
    #[must_use]
    pub fn quarantine(&self, name: &ToolName) -> Option<&Quarantine> {
        self.why.get(name.as_str())
    }

    /// The tool with this name, if its definition is sound.
    #[must_use]
    pub fn find(&self, name: &ToolName) -> Option<Arc<Tool>> {
        self.by_name.get(name).and_then(|index| self.order.get(*index)).map(Arc::clone)
    }

    /// The sound tools, in the server's order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Tool>> {
        self.order.iter()
    }

    /// Names (made printable) and reasons of the quarantined tools, which are neither shown nor called. Of tools beyond a
    /// server's limit only the first few are named, and the others counted.
    #[must_use]
    pub fn quarantined(&self) -> &[(String, String)] {
        &self.quarantined
    }
}

/// The quarantined tools as a person sees them: in the server's order, a flood shortened.
fn shown(listing: &Listing, why: &HashMap<String, Quarantine>) -> Vec<(String, String)> {
    let mut named = HashSet::new();
    let mut surplus = 0_usize;
    let mut entries = Vec::new();
    for listed in &listing.tools {
        let Some(reason) = why.get(&listed.name).filter(|_| named.insert(&listed.name)) else { continue };
        if *reason == Quarantine::TooMany {
            surplus = surplus.saturating_add(1);
            if surplus > SURPLUS_NAMED {
                continue;
            }
        }
        entries.push((text::printable(text::clip(&listed.name, 128)), reason.to_string()));
    }
    if let Some(more) = surplus.checked_sub(SURPLUS_NAMED).filter(|more| *more > 0) {
        entries.push((format!("(and {more} more)"), Quarantine::TooMany.to_string()));
    }
    entries
}

impl Tool {
    /// The tool's name.
    #[must_use]
    pub const fn name(&self) -> &ToolName {
        &self.name
    }

    /// The definition's pin.
    #[must_use]
    pub const fn pin(&self) -> Digest {
        self.pin
    }

    /// The definition as the server sent it, byte for byte.
    #[must_use]
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The definition, parsed.
    #[must_use]
    pub const fn definition(&self) -> &Value {
        &self.definition
    }

    /// Warnings about the definition. They inform people and never enter a decision.
    #[must_use]
    pub fn poisoning_signals(&self) -> Vec<PoisoningSignal> {
        pin::poisoning_signals(&self.definition).into_iter().collect()
    }

    /// The reason why a pinned tool cannot be called: its schema cannot be checked within limits.
    #[must_use]
    pub fn unusable(&self) -> Option<&str> {
        self.schemas().as_ref().err().map(String::as_str)
    }

    /// Checks arguments against the input schema.
    ///
    /// # Errors
    /// The violations, without the values.
    pub fn check_arguments(&self, arguments: &Value) -> Result<(), Vec<String>> {
        let schemas = self.schemas().as_ref().map_err(|problem| vec![problem.clone()])?;
        schemas
            .input
            .validate(arguments)
            .map_err(|found| found.iter().map(|violation| violation.message.clone()).collect())
    }

    pub(crate) fn output(&self) -> Option<&Schema> {
        self.schemas().as_ref().ok().and_then(|schemas| schemas.output.as_ref())
    }

    fn schemas(&self) -> &Result<Schemas, String> {
        self.schemas.get_or_init(|| {
            let compile = |value: &Value| briefcase_schema::compile(value).map_err(|error| error.to_string());
            let anything = Value::Object(serde_json::Map::new());
            let input = compile(self.definition.get("inputSchema").unwrap_or(&anything))?;
            let output = self.definition.get("outputSchema").map(compile).transpose()?;
            Ok(Schemas { input, output })
        })
    }
}
