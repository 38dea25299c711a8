//! The client that every server sees: Briefcase itself.
//!
//! Invariant: it is made of the daemon's own facts, so a server gets no text of an agent around its calls. For a tainted
//! agent it is the same in every request and session, except for a name that a person let a server have.

use std::borrow::Cow;

use briefcase_json::raw::{object, quote};
use briefcase_ports::{ClientFeatures, ClientProfile};
use briefcase_types::Era;

/// The name and version that every server gets, unless a person lets it have the name of the agent's client.
const NAME: &str = "briefcase";

/// The members that describe the client to a server, as JSON.
#[derive(Clone, Debug)]
pub(crate) struct ClientIdentity {
    /// `clientInfo`.
    pub(crate) info: String,
    /// `capabilities`.
    pub(crate) capabilities: Cow<'static, str>,
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

/// The features that a server sees. A legacy server sees the same ones for every client: it takes them once for a
/// connection. A modern server sees those of the client in each request, and the fixed ones if the client is not shown.
fn capabilities(client: &ClientProfile, era: Era) -> Cow<'static, str> {
    match era {
        Era::Legacy => Cow::Borrowed(
            r#"{"roots":{"listChanged":true},"sampling":{"tools":{}},"elicitation":{"form":{},"url":{}}}"#,
        ),
        Era::Modern if client.is_shown => Cow::Owned(own(client.features)),
        // Without tasks: with them a server may answer any call with a task, which most clients cannot read.
        Era::Modern => Cow::Borrowed(r#"{"roots":{},"sampling":{"tools":{}},"elicitation":{"form":{},"url":{}}}"#),
    }
}

/// The features of a client, from a closed list.
fn own(features: ClientFeatures) -> String {
    let flags =
        |named: &[(&'static str, bool)]| object(named.iter().filter(|(_, has)| *has).map(|(name, _)| (*name, "{}")));
    let sampling = flags(&[("tools", features.sampling_tools), ("context", features.sampling_context)]);
    let elicitation = flags(&[("form", features.elicitation_form), ("url", features.elicitation_url)]);
    let all = [
        ("roots", features.roots, "{}"),
        ("sampling", features.sampling, sampling.as_str()),
        ("elicitation", features.elicitation, elicitation.as_str()),
        ("extensions", features.tasks, r#"{"io.modelcontextprotocol/tasks":{}}"#),
    ];
    object(all.iter().filter(|(_, has, _)| *has).map(|(name, _, value)| (*name, *value)))
}

#[cfg(test)]
mod tests {
    use briefcase_ports::ClientName;

    use super::*;

    fn client(features: ClientFeatures, name: Option<ClientName>, is_shown: bool) -> ClientProfile {
        ClientProfile { era: Era::Legacy, is_shown, version: "2025-11-25", features, name }
    }

    fn all() -> ClientFeatures {
        ClientFeatures {
            roots: true,
            sampling: true,
            sampling_context: true,
            elicitation: true,
            elicitation_url: true,
            tasks: true,
            ..ClientFeatures::default()
        }
    }

    #[test]
    fn attack_62_a_server_sees_one_briefcase_whatever_the_client_can() {
        let info = format!(r#"{{"name":"briefcase","version":"{}"}}"#, env!("CARGO_PKG_VERSION"));
        for (era, is_shown) in [(Era::Legacy, true), (Era::Legacy, false), (Era::Modern, false)] {
            let of = |features| {
                let named = client(features, ClientName::new("codex", "1.2"), is_shown);
                ClientIdentity::new(&named, false, era)
            };
            let (full, none) = (of(all()), of(ClientFeatures::default()));
            assert_eq!((&full.info, &full.capabilities), (&info, &none.capabilities));
            assert_eq!(none.info, info);
            let features: serde_json::Value = serde_json::from_str(&full.capabilities).unwrap();
            assert!(features["sampling"].is_object(), "{features}");
        }
    }

    #[test]
    fn a_modern_server_sees_the_known_features_of_a_client_that_may_be_shown() {
        let shown = |features| ClientIdentity::new(&client(features, None, true), false, Era::Modern).capabilities;
        assert_eq!(shown(ClientFeatures::default()), "{}");
        let tasks = r#""extensions":{"io.modelcontextprotocol/tasks":{}}"#;
        assert_eq!(
            shown(all()),
            format!(r#"{{"roots":{{}},"sampling":{{"context":{{}}}},"elicitation":{{"url":{{}}}},{tasks}}}"#)
        );
    }

    #[test]
    fn a_person_may_let_a_server_have_the_name_of_the_client() {
        let named = client(ClientFeatures::default(), ClientName::new("codex", "1.2"), true);
        let shown = ClientIdentity::new(&named, true, Era::Modern);
        assert_eq!(shown.info, r#"{"name":"codex","version":"1.2"}"#);
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
