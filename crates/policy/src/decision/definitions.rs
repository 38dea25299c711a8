//! The accepted tool definitions, as far as policies see them: the schema of the arguments, and the hints.
//!
//! Invariant: a definition's name, title and description are not read.

use std::collections::BTreeMap;

use briefcase_types::Digest;
use serde_json::{Value, json};

use super::{
    arguments::{self, ArgumentType},
    declared::Declared,
};

/// The accepted definitions of tools, by pin.
#[derive(Clone, Debug, Default)]
pub struct AcceptedDefinitions(BTreeMap<[u8; 32], AcceptedDefinition>);

/// The parts of one definition that policies see.
#[derive(Clone, Debug)]
pub(super) struct AcceptedDefinition {
    pub(super) arguments: Option<ArgumentType>,
    pub(super) declared: Declared,
    pub(super) hints: Value,
    /// Whether the arguments are checked at all. A tool whose arguments are not always asks.
    pub(super) checkable: bool,
}

impl AcceptedDefinitions {
    /// An empty set of definitions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an accepted definition.
    pub fn add(&mut self, pin: Digest, definition: &Value) {
        let arguments = arguments::type_of_arguments(definition);
        let hints = json!({ "annotations": definition.get("annotations") });
        let checkable = crate::pin::is_checkable(definition);
        let accepted = AcceptedDefinition { arguments, declared: Declared::of(definition), hints, checkable };
        self.0.insert(*pin.as_bytes(), accepted);
    }

    pub(super) fn get(&self, pin: &Digest) -> Option<&AcceptedDefinition> {
        self.0.get(pin.as_bytes())
    }
}
