//! A server's definitions, inspected and compiled once per distinct listing.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, OnceLock},
};

use briefcase_policy::{
    authority::Pin,
    pin::{self, Inspected, PoisoningSignal, Quarantine, Schemas},
};
use briefcase_schema::{Schema, UncheckedPart};
use briefcase_types::{Digest, ServerId, ToolName};
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
    quarantined: Vec<Quarantined>,
}

/// A tool that is neither shown nor called.
#[derive(Debug)]
pub struct Quarantined {
    /// The server's name for it, made printable.
    pub shown: String,
    /// The name here, if it has one.
    pub name: Option<ToolName>,
    /// The reason.
    pub reason: Quarantine,
}

/// A tool with a sound definition.
#[derive(Debug)]
pub struct Tool {
    name: ToolName,
    own_name: String,
    pin: Digest,
    raw: Bytes,
    definition: OnceLock<Value>,
    varying: BTreeSet<String>,
    schemas: OnceLock<Schemas>,
}

impl Tools {
    /// Inspects a listing. `varying` names the places that may differ from the accepted definitions.
    pub(crate) fn derive(server: &ServerId, varying: &BTreeMap<ToolName, BTreeSet<String>>, listing: &Listing) -> Self {
        let inspected = pin::inspect(server, varying, listing.tools.iter().map(|definition| definition.raw.as_ref()));
        let mut tools = Self { order: Vec::new(), by_name: HashMap::new(), quarantined: Vec::new() };
        for (Inspected { verdict, shown_name }, listed) in inspected.into_iter().zip(&listing.tools) {
            match verdict {
                Ok(sound) => {
                    tools.by_name.insert(sound.tool.clone(), tools.order.len());
                    tools.order.push(Arc::new(Tool {
                        varying: varying.get(&sound.tool).cloned().unwrap_or_default(),
                        name: sound.tool,
                        own_name: sound.own_name,
                        pin: sound.pin,
                        raw: listed.raw.clone(),
                        definition: OnceLock::from(sound.definition),
                        schemas: OnceLock::new(),
                    }));
                }
                Err(reason) => {
                    let name = ToolName::of_server(&listed.name);
                    tools.quarantined.push(Quarantined { shown: shown_name, name, reason });
                }
            }
        }
        tools.quarantined = shortened(tools.quarantined);
        tools
    }

    /// The reason why a listed tool is quarantined.
    #[must_use]
    pub fn quarantine(&self, name: &ToolName) -> Option<&Quarantine> {
        let found = self.quarantined.iter().find(|quarantined| quarantined.name.as_ref() == Some(name));
        found.map(|quarantined| &quarantined.reason)
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

    /// The quarantined tools, in the server's order. Of tools beyond a server's limit only the first few are named, and
    /// the others counted.
    #[must_use]
    pub fn quarantined(&self) -> &[Quarantined] {
        &self.quarantined
    }
}

/// Shortens a flood of tools beyond the limit, and names each other tool once.
fn shortened(all: Vec<Quarantined>) -> Vec<Quarantined> {
    let mut surplus = 0_usize;
    let mut kept: Vec<Quarantined> = Vec::new();
    for one in all {
        if one.reason == Quarantine::TooMany {
            surplus = surplus.saturating_add(1);
            if surplus > SURPLUS_NAMED {
                continue;
            }
        } else if one.name.is_some() && kept.iter().any(|other| other.name == one.name) {
            continue;
        }
        kept.push(one);
    }
    if let Some(more) = surplus.checked_sub(SURPLUS_NAMED).filter(|more| *more > 0) {
        kept.push(Quarantined { shown: format!("(and {more} more)"), name: None, reason: Quarantine::TooMany });
    }
    kept
}

/// The names that agents see of these tools of one server.
pub(crate) fn shown_names(server: &ServerId, tools: &[&Arc<Tool>]) -> Vec<ToolName> {
    let names: Vec<&ToolName> = tools.iter().map(|tool| &tool.name).collect();
    let alike = pin::look_alike(&names);
    names.iter().zip(alike).map(|(name, alike)| name.shown(server, alike)).collect()
}

impl Tool {
    /// The tool of an accepted definition. `None` when the name is empty.
    pub(crate) fn of_pinned(own_name: String, pin: &Pin, raw: Bytes) -> Option<Self> {
        Some(Self {
            name: ToolName::of_server(&own_name)?,
            own_name,
            pin: pin.digest,
            raw,
            definition: OnceLock::new(),
            varying: pin.varying.clone(),
            schemas: OnceLock::new(),
        })
    }

    /// The tool's name here.
    #[must_use]
    pub const fn name(&self) -> &ToolName {
        &self.name
    }

    /// The server's own name for the tool, which calls use.
    #[must_use]
    pub fn own_name(&self) -> &str {
        &self.own_name
    }

    /// The places whose text the server changes, as a person accepted.
    #[must_use]
    pub const fn varying(&self) -> &BTreeSet<String> {
        &self.varying
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
    pub fn definition(&self) -> &Value {
        // Every maker of a tool has parsed the text, so it is JSON.
        self.definition.get_or_init(|| serde_json::from_slice(&self.raw).unwrap_or_default())
    }

    /// Warnings about the definition. They inform people and never enter a decision.
    #[must_use]
    pub fn poisoning_signals(&self) -> Vec<PoisoningSignal> {
        pin::poisoning_signals(self.definition()).into_iter().collect()
    }

    /// The parts of the schemas that are not checked.
    #[must_use]
    pub fn problems(&self) -> &[UncheckedPart] {
        &self.schemas().problems
    }

    /// Whether no part of the arguments can be checked. Every call of such a tool asks.
    #[must_use]
    pub fn is_unchecked(&self) -> bool {
        self.schemas().input.is_none()
    }

    /// Checks arguments against the input schema, as far as it can be checked.
    ///
    /// # Errors
    /// The violations, without the values.
    pub fn check_arguments(&self, arguments: &Value) -> Result<(), Vec<String>> {
        let Some(input) = &self.schemas().input else { return Ok(()) };
        input.validate(arguments).map_err(|found| found.iter().map(ToString::to_string).collect())
    }

    pub(crate) fn output(&self) -> Option<&Schema> {
        self.schemas().output.as_ref()
    }

    fn schemas(&self) -> &Schemas {
        self.schemas.get_or_init(|| Schemas::of(self.definition()))
    }
}
