//! The accepted definitions, in memory.
//!
//! Invariant: each definition was compared with its pin when it was loaded or accepted. The database is not read again,
//! because another process of the same user could have edited it since.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use briefcase_policy::{
    authority::{Authority, Pin},
    pin::pin_varying,
};
use briefcase_types::{Digest, ServerId};
use bytes::Bytes;

use crate::tools::Tool;

/// The accepted definitions of all servers, by their pins.
#[derive(Debug, Default)]
pub struct PinnedTools {
    of_server: RwLock<HashMap<ServerId, HashMap<Digest, Arc<PinnedTool>>>>,
}

/// An accepted definition.
#[derive(Debug)]
pub struct PinnedTool {
    tool: Arc<Tool>,
    is_exact: bool,
}

impl PinnedTool {
    /// The tool.
    #[must_use]
    pub const fn tool(&self) -> &Arc<Tool> {
        &self.tool
    }

    /// Whether the definition is the accepted one. A definition that contained a secret is stored without it, and must not be
    /// used to check arguments.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.is_exact
    }
}

impl PinnedTools {
    /// Adds the stored definition of a pin. Returns whether the definition is the accepted one, or `None` when it is no tool
    /// definition and is not added.
    pub fn add(&self, server: &ServerId, pin: &Pin, raw: Bytes) -> Option<bool> {
        let definition = serde_json::from_slice(&raw).ok()?;
        let is_exact = pin_varying(server, &definition, &pin.varying) == pin.digest;
        let own_name = definition.get("name")?.as_str()?.to_owned();
        let tool = Arc::new(Tool::of_pinned(own_name, pin, raw)?);
        let mut of_server = self.of_server.write().unwrap_or_else(PoisonError::into_inner);
        let pins = of_server.entry(server.clone()).or_default();
        pins.insert(pin.digest, Arc::new(PinnedTool { tool, is_exact }));
        Some(is_exact)
    }

    /// The accepted definition of a server's pin.
    #[must_use]
    pub fn of(&self, server: &ServerId, pin: &Pin) -> Option<Arc<PinnedTool>> {
        let of_server = self.of_server.read().unwrap_or_else(PoisonError::into_inner);
        of_server.get(server)?.get(&pin.digest).cloned()
    }

    /// Removes the definitions that the document no longer accepts.
    pub(crate) fn retain(&self, document: &Authority) {
        let mut of_server = self.of_server.write().unwrap_or_else(PoisonError::into_inner);
        of_server.retain(|server, pins| {
            let Some(registered) = document.servers.get(server) else { return false };
            let accepted: std::collections::HashSet<Digest> = registered.pins.values().map(|pin| pin.digest).collect();
            pins.retain(|digest, _| accepted.contains(digest));
            !pins.is_empty()
        });
    }
}
