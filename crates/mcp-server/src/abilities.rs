//! What a client can do for a server, as it declared.

use std::sync::Arc;

use briefcase_ports::ClientProfile;

use crate::splice::Members;

/// The extension that lets a modern client take tasks.
pub(crate) const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// A client and what it declared.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) profile: Arc<ClientProfile>,
    pub(crate) can: Abilities,
}

/// What a client declared, as far as the surface has to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Abilities {
    pub(crate) sampling: bool,
    pub(crate) form: bool,
    pub(crate) url: bool,
    pub(crate) roots: bool,
    /// Modern: takes a task instead of a result.
    pub(crate) tasks: bool,
}

impl Client {
    pub(crate) fn new(profile: ClientProfile) -> Self {
        let can = Abilities::of(&profile.capabilities);
        Self { profile: Arc::new(profile), can }
    }
}

impl Abilities {
    /// Reads `capabilities`. `elicitation: {}` means forms, as it did before there were modes.
    pub(crate) fn of(capabilities: &[u8]) -> Self {
        let Some(members) = Members::of_bytes(capabilities) else { return Self::default() };
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

    /// Whether the client declared what it needs to answer a server's request. `Err` names what is missing, as the
    /// `requiredCapabilities` of the error; `{}` when no client can answer such a request.
    pub(crate) fn allow(self, method: &str, params: &str) -> Result<(), &'static str> {
        let (can, needed) = match method {
            "sampling/createMessage" => (self.sampling, r#"{"sampling":{}}"#),
            "roots/list" => (self.roots, r#"{"roots":{}}"#),
            "elicitation/create" => match Members::of(params).and_then(|params| params.string("mode")).as_deref() {
                None | Some("form") => (self.form, r#"{"elicitation":{"form":{}}}"#),
                Some("url") => (self.url, r#"{"elicitation":{"url":{}}}"#),
                Some(_) => (false, "{}"),
            },
            _ => (false, "{}"),
        };
        if can { Ok(()) } else { Err(needed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_declared_may_be_asked() {
        let can = Abilities::of(br#"{"elicitation":{},"roots":{"listChanged":true},"x":1}"#);
        assert!(can.allow("elicitation/create", r#"{"message":"m"}"#).is_ok());
        assert!(can.allow("elicitation/create", r#"{"mode":"url"}"#).is_err());
        assert!(can.allow("elicitation/create", r#"{"mode":"other"}"#).is_err());
        assert!(can.allow("roots/list", "{}").is_ok());
        assert_eq!(can.allow("sampling/createMessage", "{}"), Err(r#"{"sampling":{}}"#));
        assert_eq!(can.allow("tools/call", "{}"), Err("{}"));
        let can = Abilities::of(br#"{"elicitation":{"url":{}},"sampling":true}"#);
        assert_eq!((can.url, can.form, can.sampling), (true, false, false));
        assert_eq!(Abilities::of(b"[]"), Abilities::default());
    }
}
