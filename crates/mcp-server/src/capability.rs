//! What is served to a client: what the servers of the view can, as far as it reaches the client.

use std::sync::Arc;

use briefcase_ports::Era;
use briefcase_types::Refusal;
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use crate::{abilities::Client, conversation::Inner, core::UpstreamInfo, lists::not_enabled, names::View};

/// A server's own words about itself are cut here.
const MAX_INSTRUCTIONS: usize = 8 * 1024;

/// What a client is told of the servers.
pub(crate) struct Offer {
    pub(crate) capabilities: Map<String, Value>,
    pub(crate) instructions: Option<String>,
}

impl Inner {
    /// What the view offers. One server's offer is its own; all servers' is the union, and everything that could be
    /// served while a server has not said yet what it can.
    pub(crate) async fn offer(&self, client: &Client) -> Result<Offer, Refusal> {
        let era = client.profile.era;
        match &self.view {
            View::One(server) => {
                if !self.serves(server) {
                    return Err(not_enabled());
                }
                let info = self.shared.core.info(&self.line(server.clone(), client)).await?;
                let instructions = info.instructions.as_deref().map(clipped);
                Ok(Offer { capabilities: served(&info, era), instructions })
            }
            View::All => Ok(self.union(client).await),
        }
    }

    async fn union(&self, client: &Client) -> Offer {
        let servers = self.servers();
        let infos = join_all(servers.iter().map(|server| async {
            let line = self.line(server.clone(), client);
            let info = self.shared.core.info(&line);
            tokio::time::timeout(self.shared.settings.list_timeout, info).await.ok().and_then(Result::ok)
        }));
        let infos: Vec<Option<Arc<UpstreamInfo>>> = infos.await;
        let mut capabilities = Map::new();
        let mut instructions = String::from(
            "Tools and prompts are named `server__name`; resource URIs start with `server+`. Calls may wait for a \
             person's approval; if one is refused with `approval_required`, make the same call again later.",
        );
        for (server, info) in servers.iter().zip(&infos) {
            let Some(info) = info else { continue };
            merge(&mut capabilities, served(info, client.profile.era));
            if let Some(text) = &info.instructions {
                instructions.push_str(&format!("\n\nThe server `{server}` says of itself:\n{}", clipped(text)));
            }
        }
        if infos.iter().any(Option::is_none) {
            merge(&mut capabilities, everything());
        }
        // Servers come and go; tools are what there will be.
        capabilities.entry("tools").or_insert_with(|| json!({"listChanged": true}));
        Offer { capabilities, instructions: Some(instructions) }
    }
}

fn clipped(text: &str) -> String {
    briefcase_types::text::clip(text, MAX_INSTRUCTIONS).to_owned()
}

/// A server's capabilities without what does not reach the client: unknown ones, `tasks/list`, and what only the other
/// era has.
fn served(info: &UpstreamInfo, era: Era) -> Map<String, Value> {
    let Ok(Value::Object(mut all)) = serde_json::from_slice::<Value>(&info.capabilities) else { return Map::new() };
    let same = info.era == era;
    all.retain(|name, value| {
        let known = matches!(name.as_str(), "tools" | "resources" | "prompts" | "completions" | "logging");
        let same_era =
            matches!(name.as_str(), "experimental" | "extensions") || (name == "tasks" && era == Era::Legacy);
        value.is_object() && (known || (same && same_era))
    });
    if let Some(tasks) = all.get_mut("tasks").and_then(Value::as_object_mut) {
        tasks.remove("list");
    }
    all
}

/// What could be served.
fn everything() -> Map<String, Value> {
    let changing = || json!({"listChanged": true});
    let resources = json!({"listChanged": true, "subscribe": true});
    let members = [
        ("tools", changing()),
        ("prompts", changing()),
        ("resources", resources),
        ("completions", json!({})),
        ("logging", json!({})),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Adds what another server can. What is there stays, but for a `false` that becomes `true`.
fn merge(into: &mut Map<String, Value>, other: Map<String, Value>) {
    for (name, value) in other {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => merge(inner, more),
            (Some(there), value) if *there == Value::Bool(false) => *there = value,
            (Some(_), _) => {}
            (None, value) => {
                into.insert(name, value);
            }
        }
    }
}

/// Whether the offer has a capability, such as `["resources", "subscribe"]`.
pub(crate) fn has(capabilities: &Map<String, Value>, kind: &str, member: &str) -> bool {
    capabilities.get(kind).and_then(|kind| kind.get(member)).and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(era: Era, capabilities: &'static str) -> UpstreamInfo {
        UpstreamInfo { era, capabilities: capabilities.into(), server_info: "{}".into(), instructions: None }
    }

    #[test]
    fn what_cannot_be_served_is_not_offered() {
        let legacy = info(
            Era::Legacy,
            r#"{"tools":{"listChanged":true},"tasks":{"list":{},"cancel":{}},"vendor":{},"logging":{},"prompts":1}"#,
        );
        let offer = Value::Object(served(&legacy, Era::Legacy));
        assert_eq!(offer, json!({"tools":{"listChanged":true},"tasks":{"cancel":{}},"logging":{}}));
        assert_eq!(Value::Object(served(&legacy, Era::Modern)), json!({"tools":{"listChanged":true},"logging":{}}));
        let modern = info(Era::Modern, r#"{"tasks":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#);
        assert!(served(&modern, Era::Modern)["extensions"]["io.modelcontextprotocol/tasks"].is_object());
        assert!(served(&modern, Era::Legacy).is_empty());
        assert!(!served(&modern, Era::Modern).contains_key("tasks"));
        assert!(served(&info(Era::Legacy, "[]"), Era::Legacy).is_empty());
    }

    #[test]
    fn a_union_has_what_any_server_has() {
        let mut union = served(&info(Era::Legacy, r#"{"tools":{"listChanged":false},"logging":{}}"#), Era::Legacy);
        merge(&mut union, served(&info(Era::Legacy, r#"{"tools":{"listChanged":true},"prompts":{}}"#), Era::Legacy));
        assert_eq!(Value::Object(union.clone()), json!({"tools":{"listChanged":true},"prompts":{},"logging":{}}));
        assert!(has(&union, "tools", "listChanged") && !has(&union, "prompts", "listChanged"));
    }
}
