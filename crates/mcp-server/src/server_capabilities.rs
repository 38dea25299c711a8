//! The capabilities served to a client: those of the view's servers that reach the client.

use std::sync::Arc;

use briefcase_ports::ServerInfo;
use briefcase_types::{Era, Refusal};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use crate::{client_capabilities::Client, connection_state::ConnectionState, refusal::not_enabled, view::View};

/// The longest `instructions` of one server, in bytes. Longer ones are cut.
const MAX_INSTRUCTIONS: usize = 8 * 1024;

/// The capabilities and instructions that a client gets.
pub(crate) struct ServedCapabilities {
    pub(crate) capabilities: Map<String, Value>,
    pub(crate) instructions: Option<String>,
}

impl ServedCapabilities {
    /// Whether a capability has a member that is `true`, such as `listChanged` of `tools`.
    pub(crate) fn has(&self, kind: &str, member: &str) -> bool {
        has(&self.capabilities, kind, member)
    }
}

fn has(capabilities: &Map<String, Value>, kind: &str, member: &str) -> bool {
    capabilities.get(kind).and_then(|kind| kind.get(member)).and_then(Value::as_bool) == Some(true)
}

/// The capabilities of the view: those of its one server, or the union of all servers. A server that has not answered
/// counts as one with every capability.
pub(crate) async fn served(state: &ConnectionState, client: &Client) -> Result<ServedCapabilities, Refusal> {
    let era = client.profile.era;
    match &state.view {
        View::One(server) => {
            if !state.serves(server) {
                return Err(not_enabled());
            }
            let connection = state.connection_key(server.clone(), client);
            let info = state.services().calls.server_info(&connection).await?;
            let instructions = info.instructions.as_deref().map(clipped);
            Ok(ServedCapabilities { capabilities: reachable(&info, era), instructions })
        }
        View::All => Ok(union(state, client).await),
    }
}

async fn union(state: &ConnectionState, client: &Client) -> ServedCapabilities {
    let servers = state.servers();
    let infos = join_all(servers.iter().map(|server| async {
        let connection = state.connection_key(server.clone(), client);
        let info = state.services().calls.server_info(&connection);
        tokio::time::timeout(state.services().config.list_timeout, info).await.ok().and_then(Result::ok)
    }));
    let infos: Vec<Option<Arc<ServerInfo>>> = infos.await;
    let mut capabilities = Map::new();
    let mut instructions = String::from(
        "Tools and prompts are named `server__name`; resource URIs start with `server+`. Calls may wait for a \
         person's approval; if one is refused with `approval_required`, make the same call again later.",
    );
    for (server, info) in servers.iter().zip(&infos) {
        let Some(info) = info else { continue };
        merge(&mut capabilities, reachable(info, client.profile.era));
        if let Some(text) = &info.instructions {
            instructions.push_str(&format!("\n\nThe server `{server}` describes itself:\n{}", clipped(text)));
        }
    }
    if infos.iter().any(Option::is_none) {
        merge(&mut capabilities, every_capability());
    }
    // Servers come and go: a view of all servers always has tools.
    capabilities.entry("tools").or_insert_with(|| json!({"listChanged": true}));
    ServedCapabilities { capabilities, instructions: Some(instructions) }
}

fn clipped(text: &str) -> String {
    briefcase_types::text::clip(text, MAX_INSTRUCTIONS).to_owned()
}

/// A server's capabilities without those that do not reach the client: unknown ones, `tasks/list`, and those that only the
/// other era has.
fn reachable(info: &ServerInfo, era: Era) -> Map<String, Value> {
    let Ok(Value::Object(mut all)) = serde_json::from_slice::<Value>(&info.capabilities) else { return Map::new() };
    let same = info.era == era;
    all.retain(|name, value| {
        let known = matches!(name.as_str(), "tools" | "resources" | "prompts" | "completions" | "logging");
        let same_era = name == "extensions" || (name == "tasks" && era == Era::Legacy);
        value.is_object() && (known || (same && same_era))
    });
    if let Some(tasks) = all.get_mut("tasks").and_then(Value::as_object_mut) {
        tasks.remove("list");
    }
    all
}

/// Every capability that can be served.
fn every_capability() -> Map<String, Value> {
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

/// Adds another server's capabilities. Existing values stay, except that `false` becomes `true`.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn info(era: Era, capabilities: &'static str) -> ServerInfo {
        let (version, info) = (String::new(), "{}".into());
        ServerInfo { era, version, capabilities: capabilities.into(), info, instructions: None, listener: None }
    }

    #[test]
    fn unreachable_capabilities_are_not_served() {
        let legacy = info(
            Era::Legacy,
            r#"{"tools":{"listChanged":true},"tasks":{"list":{},"cancel":{}},"vendor":{},"experimental":{"x":{}},"logging":{},"prompts":1}"#,
        );
        let reached = Value::Object(reachable(&legacy, Era::Legacy));
        assert_eq!(reached, json!({"tools":{"listChanged":true},"tasks":{"cancel":{}},"logging":{}}));
        assert_eq!(Value::Object(reachable(&legacy, Era::Modern)), json!({"tools":{"listChanged":true},"logging":{}}));
        let modern = info(Era::Modern, r#"{"tasks":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#);
        assert!(reachable(&modern, Era::Modern)["extensions"]["io.modelcontextprotocol/tasks"].is_object());
        assert!(reachable(&modern, Era::Legacy).is_empty());
        assert!(!reachable(&modern, Era::Modern).contains_key("tasks"));
        assert!(reachable(&info(Era::Legacy, "[]"), Era::Legacy).is_empty());
    }

    #[test]
    fn a_union_has_the_capabilities_of_every_server() {
        let mut union = reachable(&info(Era::Legacy, r#"{"tools":{"listChanged":false},"logging":{}}"#), Era::Legacy);
        merge(&mut union, reachable(&info(Era::Legacy, r#"{"tools":{"listChanged":true},"prompts":{}}"#), Era::Legacy));
        assert_eq!(Value::Object(union.clone()), json!({"tools":{"listChanged":true},"prompts":{},"logging":{}}));
        assert!(has(&union, "tools", "listChanged") && !has(&union, "prompts", "listChanged"));
    }
}
