//! The capabilities that a client declared.

use std::sync::Arc;

use briefcase_json::raw::RawObject;
use briefcase_ports::{ClientFeatures, ClientProfile};

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
    /// Takes tools in a sampling request.
    pub(crate) sampling_tools: bool,
    pub(crate) form: bool,
    pub(crate) url: bool,
    pub(crate) roots: bool,
    /// Modern: accepts a task instead of a result.
    pub(crate) tasks: bool,
}

impl Client {
    pub(crate) fn new(profile: ClientProfile) -> Self {
        let capabilities = ClientCapabilities::of(profile.features);
        Self { profile: Arc::new(profile), capabilities }
    }
}

/// Reads `capabilities`. Everything that Briefcase does not know stays behind.
pub(crate) fn features(capabilities: &str) -> ClientFeatures {
    let Some(members) = RawObject::parse(capabilities) else { return ClientFeatures::default() };
    let has = |name: &str| members.object(name).is_some();
    let within = |name: &str, part: &str| members.object(name).is_some_and(|inner| inner.object(part).is_some());
    ClientFeatures {
        roots: has("roots"),
        roots_list_changed: members.object("roots").is_some_and(|roots| roots.get("listChanged") == Some("true")),
        sampling: has("sampling"),
        sampling_tools: within("sampling", "tools"),
        sampling_context: within("sampling", "context"),
        elicitation: has("elicitation"),
        elicitation_form: within("elicitation", "form"),
        elicitation_url: within("elicitation", "url"),
        tasks: within("extensions", TASKS_EXTENSION),
    }
}

impl ClientCapabilities {
    /// The capabilities of a client with these features. `elicitation: {}` means forms: modes came later.
    const fn of(features: ClientFeatures) -> Self {
        let url = features.elicitation_url;
        Self {
            sampling: features.sampling,
            sampling_tools: features.sampling_tools,
            form: features.elicitation && (features.elicitation_form || !url),
            url,
            roots: features.roots,
            tasks: features.tasks,
        }
    }

    /// Checks that the client declared the capability that a server's request needs. The error is the missing capability,
    /// as `requiredCapabilities`; `{}` when no client can answer such a request.
    pub(crate) fn check(self, method: &str, params: &str) -> Result<(), &'static str> {
        let (can, needed) = match method {
            "sampling/createMessage" if self.sampling && has_tools(params) => {
                (self.sampling_tools, r#"{"sampling":{"tools":{}}}"#)
            }
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

/// Whether a sampling request has tools for the model.
fn has_tools(params: &str) -> bool {
    let params = RawObject::parse(params);
    params.is_some_and(|params| params.get("tools").is_some() || params.get("toolChoice").is_some())
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
        let parse = |raw: &str| ClientCapabilities::of(features(raw));
        let can = parse(r#"{"elicitation":{},"roots":{"listChanged":true},"x":1}"#);
        assert!(can.check("elicitation/create", r#"{"message":"m"}"#).is_ok());
        assert!(can.check("elicitation/create", r#"{"mode":"url"}"#).is_err());
        assert!(can.check("elicitation/create", r#"{"mode":"other"}"#).is_err());
        assert!(can.check("roots/list", "{}").is_ok());
        assert_eq!(can.check("sampling/createMessage", "{}"), Err(r#"{"sampling":{}}"#));
        assert_eq!(can.check("tools/call", "{}"), Err("{}"));
        let (plain, able) = (parse(r#"{"sampling":{}}"#), parse(r#"{"sampling":{"tools":{}}}"#));
        for params in [r#"{"messages":[],"tools":[]}"#, r#"{"toolChoice":{"mode":"auto"}}"#] {
            assert_eq!(plain.check("sampling/createMessage", params), Err(r#"{"sampling":{"tools":{}}}"#));
            assert!(able.check("sampling/createMessage", params).is_ok());
        }
        assert!(plain.check("sampling/createMessage", r#"{"messages":[]}"#).is_ok());
        let can = parse(r#"{"elicitation":{"url":{}},"sampling":true}"#);
        assert_eq!((can.url, can.form, can.sampling), (true, false, false));
        assert_eq!(parse("[]"), ClientCapabilities::default());
    }
}
