//! Definitions as agents see them: under the shown name, and in a form that hosts accept.
//!
//! Invariant: a definition that follows the protocol, under its own name, stays byte for byte. What was accepted, and what
//! is compared, is the server's own text.

use std::sync::Arc;

use briefcase_policy::pin;
use briefcase_types::{ToolName, text};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::tools::Tool;

/// The longest title that is made of the server's own name.
const TITLE_MAX: usize = 200;

/// The definition of a tool for agents.
pub(crate) fn for_agents(tool: &Arc<Tool>, shown: &ToolName) -> Bytes {
    let mut definition = tool.definition().clone();
    pin::mark_varying(&mut definition, tool.varying());
    if let Some(members) = definition.as_object_mut() {
        drop_nulls(members);
        input_schema(members);
        if members.get("outputSchema").is_some_and(|schema| !schema.is_object()) {
            members.remove("outputSchema");
        }
        if shown.as_str() != tool.own_name() {
            rename(members, tool.own_name(), shown);
        }
    }
    if definition == *tool.definition() {
        return tool.raw().clone();
    }
    serde_json::to_vec(&definition).map_or_else(|_| tool.raw().clone(), Bytes::from)
}

/// Replaces the name. A definition without a title gets the server's own name as its title, so that people recognise the
/// tool. A name that is too long is left out, not cut: a part of a secret in it would not be found.
fn rename(members: &mut Map<String, Value>, own: &str, shown: &ToolName) {
    members.insert("name".to_owned(), json!(shown.as_str()));
    let titled = members.get("title").is_some_and(Value::is_string)
        || members.get("annotations").and_then(|annotations| annotations.get("title")).is_some_and(Value::is_string);
    if !titled && own.len() <= TITLE_MAX {
        members.insert("title".to_owned(), json!(text::printable(own)));
    }
}

/// Removes optional members that are `null`. Hosts that check definitions would refuse the whole list.
fn drop_nulls(members: &mut Map<String, Value>) {
    members.retain(|_, member| !member.is_null());
    if let Some(annotations) = members.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.retain(|_, hint| !hint.is_null());
    }
    for name in ["inputSchema", "outputSchema"] {
        if let Some(schema) = members.get_mut(name).and_then(Value::as_object_mut) {
            schema
                .retain(|keyword, member| !(member.is_null() && matches!(keyword.as_str(), "required" | "properties")));
        }
    }
}

/// Gives the definition an input schema of type `object`, which the protocol requires.
fn input_schema(members: &mut Map<String, Value>) {
    let schema = members.entry("inputSchema").or_insert_with(|| json!({ "type": "object" }));
    match schema.as_object_mut() {
        Some(schema) if schema.get("type").and_then(Value::as_str) == Some("object") => {}
        Some(schema) => {
            schema.insert("type".to_owned(), json!("object"));
        }
        None => *schema = json!({ "type": "object" }),
    }
}
