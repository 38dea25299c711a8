//! The few members of a request's `params` that the transport needs.

use std::borrow::Cow;

use briefcase_types::Era;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Envelope, MODERN_VERSIONS};

/// The parts of a request's `params` that the transport needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestParams {
    /// `_meta["io.modelcontextprotocol/protocolVersion"]`.
    pub protocol_version: Option<String>,
    /// Whether `_meta` has `io.modelcontextprotocol/clientCapabilities` as an object.
    pub has_client_capabilities: bool,
    /// The value that `Mcp-Name` repeats: `params.name`, `params.uri` or `params.taskId`, by method.
    pub name: Option<String>,
    /// `params.protocolVersion` of a legacy `initialize`.
    pub initialize_version: Option<String>,
}

/// A request's `params` are invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// A member that the transport needs has the wrong type.
    #[error("`params` has a member of the wrong type: {0}")]
    Type(String),
    /// A modern request lacks a required `_meta` member.
    #[error("`params._meta` must have `{0}`")]
    Missing(&'static str),
}

#[derive(Default, Deserialize)]
struct RawParams<'a> {
    #[serde(borrow, rename = "_meta")]
    meta: Option<RawMeta<'a>>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    uri: Option<&'a RawValue>,
    #[serde(borrow, rename = "taskId")]
    task: Option<&'a RawValue>,
    #[serde(borrow, rename = "protocolVersion")]
    initialize_version: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct RawMeta<'a> {
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    protocol_version: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "io.modelcontextprotocol/clientCapabilities")]
    capabilities: Option<&'a RawValue>,
}

impl RequestParams {
    /// Reads the `params` of a message.
    pub fn of(envelope: &Envelope) -> Result<Self, ParamsError> {
        let Some(raw) = envelope.params() else { return Ok(Self::default()) };
        let raw_params: RawParams<'_> =
            serde_json::from_slice(&raw).map_err(|error| ParamsError::Type(error.to_string()))?;
        let meta = raw_params.meta.unwrap_or_default();
        let named = match envelope.method() {
            Some("tools/call" | "prompts/get") => raw_params.name,
            Some("resources/read") => raw_params.uri,
            Some("tasks/get" | "tasks/update" | "tasks/cancel") => raw_params.task,
            _ => None,
        };
        Ok(Self {
            protocol_version: meta.protocol_version.map(Cow::into_owned),
            has_client_capabilities: meta.capabilities.is_some_and(|raw| raw.get().starts_with('{')),
            name: text(named)?,
            initialize_version: text(raw_params.initialize_version).unwrap_or_default(),
        })
    }

    /// The era of the request: modern if `_meta` names a protocol version, whatever the method.
    #[must_use]
    pub const fn era(&self) -> Era {
        if self.protocol_version.is_some() { Era::Modern } else { Era::Legacy }
    }

    /// Checks the `_meta` members that every modern request must have.
    pub const fn check_modern(&self) -> Result<(), ParamsError> {
        if self.protocol_version.is_none() {
            return Err(ParamsError::Missing("io.modelcontextprotocol/protocolVersion"));
        }
        if !self.has_client_capabilities {
            return Err(ParamsError::Missing("io.modelcontextprotocol/clientCapabilities"));
        }
        Ok(())
    }

    /// Whether the request's modern version is supported.
    #[must_use]
    pub fn speaks_our_version(&self) -> bool {
        self.protocol_version.as_deref().is_some_and(|version| MODERN_VERSIONS.contains(&version))
    }
}

fn text(raw: Option<&RawValue>) -> Result<Option<String>, ParamsError> {
    raw.map(|raw| serde_json::from_str(raw.get()).map_err(|error| ParamsError::Type(error.to_string()))).transpose()
}
