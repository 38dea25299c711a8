//! The client that every server sees: Briefcase itself.
//!
//! Invariant: it is made of the daemon's own facts. A server therefore gets no text of an agent when a connection opens,
//! and the same definitions whichever agent connects.

use briefcase_json::raw::{object, quote};
use briefcase_ports::ClientProfile;
use briefcase_types::Era;

/// The name and version that every server gets, unless a person lets it have the name of the agent's client.
const NAME: &str = "briefcase";

/// The members that describe the client to a server, as JSON.
#[derive(Clone, Debug)]
pub(crate) struct ClientIdentity {
    /// `clientInfo`.
    pub(crate) info: String,
    /// `capabilities`.
    pub(crate) capabilities: String,
}

impl ClientIdentity {
    /// The identity of a client toward a server. `names_client` is the person's setting for the server.
    pub(crate) fn new(client: &ClientProfile, names_client: bool, era: Era) -> Self {
        let info =
            |name: &str, version: &str| object([("name", quote(name).as_str()), ("version", quote(version).as_str())]);
        let info = match client.name.as_ref().filter(|_| names_client) {
            Some(own) => info(own.name(), own.version()),
            None => info(NAME, env!("CARGO_PKG_VERSION")),
        };
        Self { info, capabilities: capabilities(client, era) }
    }
}

fn capabilities(client: &ClientProfile, era: Era) -> String {
    let features = client.features;
    let flags = |named: &[(&'static str, bool)], value: &'static str| {
        object(named.iter().filter(|(_, has)| *has).map(|(name, _)| (*name, value)))
    };
    let roots = flags(&[("listChanged", features.roots_list_changed && era == Era::Legacy)], "true");
    let sampling = flags(&[("tools", features.sampling_tools), ("context", features.sampling_context)], "{}");
    let elicitation = flags(&[("form", features.elicitation_form), ("url", features.elicitation_url)], "{}");
    let extensions = r#"{"io.modelcontextprotocol/tasks":{}}"#;
    let all = [
        ("roots", features.roots, roots.as_str()),
        ("sampling", features.sampling, sampling.as_str()),
        ("elicitation", features.elicitation, elicitation.as_str()),
        ("extensions", features.tasks && era == Era::Modern, extensions),
    ];
    object(all.iter().filter(|(_, has, _)| *has).map(|(name, _, value)| (*name, *value)))
}

#[cfg(test)]
mod tests {
    use briefcase_ports::{ClientFeatures, ClientName};

    use super::*;

    fn client(name: Option<ClientName>) -> ClientProfile {
        let features = ClientFeatures {
            roots: true,
            roots_list_changed: true,
            elicitation: true,
            elicitation_url: true,
            tasks: true,
            ..ClientFeatures::default()
        };
        ClientProfile { era: Era::Legacy, version: "2025-11-25", features, name }
    }

    #[test]
    fn a_server_sees_briefcase_and_the_features_of_the_client() {
        let own = format!(r#"{{"name":"briefcase","version":"{}"}}"#, env!("CARGO_PKG_VERSION"));
        let named = client(ClientName::new("codex", "1.2"));
        let legacy = ClientIdentity::new(&named, false, Era::Legacy);
        assert_eq!(
            (legacy.info.as_str(), ClientIdentity::new(&client(None), true, Era::Legacy).info),
            (&*own, own.clone())
        );
        assert_eq!(legacy.capabilities, r#"{"roots":{"listChanged":true},"elicitation":{"url":{}}}"#);
        let modern = ClientIdentity::new(&named, true, Era::Modern);
        assert_eq!(modern.info, r#"{"name":"codex","version":"1.2"}"#);
        assert_eq!(
            modern.capabilities,
            r#"{"roots":{},"elicitation":{"url":{}},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#
        );
        let none = ClientProfile { features: ClientFeatures::default(), ..client(None) };
        assert_eq!(ClientIdentity::new(&none, false, Era::Legacy).capabilities, "{}");
    }

    #[test]
    fn a_name_is_short_and_printable() {
        assert!(ClientName::new("claude-code", "2.0.1 (beta)").is_some());
        for (name, version) in
            [("", "1"), ("a\nb", "1"), ("\u{202e}x", "1"), ("a\"b", "1"), (" a", "1"), ("a", &"1".repeat(33))]
        {
            assert!(ClientName::new(name, version).is_none(), "{name:?} {version:?}");
        }
        assert!(ClientName::new(&"a".repeat(65), "1").is_none());
    }
}
