//! The capabilities that a client declared.

use std::sync::Arc;

use briefcase_json::raw::RawObject;
use briefcase_ports::ClientProfile;

/// The extension with which a modern client accepts tasks.
pub(crate) const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// A client and its capabilities.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) profile: Arc<ClientProfile>,
    pub(crate) capabilities: ClientCapabilities,
}

/// The declared capabilities that change what is sent to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientCapabilities {
    pub(crate) sampling: bool,
    pub(crate) form: bool,
    pub(crate) url: bool,
    pub(crate) roots: bool,
    /// Modern: accepts a task instead of a result.
    pub(crate) tasks: bool,
}

impl Client {
    pub(crate) fn new(profile: ClientProfile) -> Self {
        let capabilities = ClientCapabilities::parse(&profile.capabilities);
        Self { profile: Arc::new(profile), capabilities }
    }
}

impl ClientCapabilities {
    /// Reads `capabilities`. `elicitation: {}` means forms: modes came later.
    pub(crate) fn parse(capabilities: &[u8]) -> Self {
        let Some(members) = RawObject::from_slice(capabilities) else { return Self::default() };
        let has = |name: &str| members.object(name).is_some();
        let elicitation = members.object("elicitation");
        let mode = |name: &str| elicitation.as_ref().is_some_and(|modes| modes.object(name).is_some());
        let url = mode("url");
        Self {
            sampling: has("sampling"),
            form: elicitation.is_some() && (mode("form") || !url),
            url,
            roots: has("roots"),
            tasks: members.object("extensions").is_some_and(|extensions| extensions.object(TASKS_EXTENSION).is_some()),
        }
    }

    /// Checks that the client declared the capability that a server's request needs. The error is the missing capability,
    /// as `requiredCapabilities`; `{}` when no client can answer such a request.
    pub(crate) fn check(self, method: &str, params: &str) -> Result<(), &'static str> {
        let (can, needed) = match method {
            "sampling/createMessage" => (self.sampling, r#"{"sampling":{}}"#),
            "roots/list" => (self.roots, r#"{"roots":{}}"#),
            "elicitation/create" => {
                match RawObject::parse(params).as_ref().and_then(|params| params.string("mode")).as_deref() {
                    None | Some("form") => (self.form, r#"{"elicitation":{"form":{}}}"#),
                    Some("url") => (self.url, r#"{"elicitation":{"url":{}}}"#),
                    Some(_) => (false, "{}"),
                }
            }
            _ => (false, "{}"),
        };
        if can { Ok(()) } else { Err(needed) }
    }
}

/// The capability that a client has to declare to use tasks.
pub(crate) fn tasks_required() -> String {
    format!(r#"{{"extensions":{{"{TASKS_EXTENSION}":{{}}}}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_declared_capabilities_are_used() {
        let can = ClientCapabilities::parse(br#"{"elicitation":{},"roots":{"listChanged":true},"x":1}"#);
        assert!(can.check("elicitation/create", r#"{"message":"m"}"#).is_ok());
        assert!(can.check("elicitation/create", r#"{"mode":"url"}"#).is_err());
        assert!(can.check("elicitation/create", r#"{"mode":"other"}"#).is_err());
        assert!(can.check("roots/list", "{}").is_ok());
        assert_eq!(can.check("sampling/createMessage", "{}"), Err(r#"{"sampling":{}}"#));
        assert_eq!(can.check("tools/call", "{}"), Err("{}"));
        let can = ClientCapabilities::parse(br#"{"elicitation":{"url":{}},"sampling":true}"#);
        assert_eq!((can.url, can.form, can.sampling), (true, false, false));
        assert_eq!(ClientCapabilities::parse(b"[]"), ClientCapabilities::default());
    }
}
