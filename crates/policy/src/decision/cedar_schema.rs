//! The Cedar schema of an authority document: entity types, and one action per accepted tool.

use cedar_policy::{Schema, SchemaFragment};
use serde_json::{Map, Value, json};

use super::{
    entities::EntityStore,
    facts::{CALL, SERVER_ACTIONS},
    problem::PolicyError,
};

/// The schema, and its text for people.
pub(super) fn schema(store: &EntityStore) -> Result<(Schema, String), PolicyError> {
    let wrong = |error: &dyn std::fmt::Display| PolicyError::Inexpressible(error.to_string());
    let json = schema_json(store);
    let fragment = SchemaFragment::from_json_value(json.clone()).map_err(|error| wrong(&error))?;
    let text = fragment.to_cedarschema().map_err(|error| wrong(&error))?;
    let schema = Schema::from_json_value(json).map_err(|error| wrong(&error))?;
    Ok((schema, text))
}

fn schema_json(store: &EntityStore) -> Value {
    let mut actions = Map::new();
    // A policy about an action group without members does not compile. Until the first tool is accepted, the group is
    // an action itself.
    let group = if store.tools().next().is_none() { action("Tool", &call_context()) } else { json!({}) };
    actions.insert(CALL.to_owned(), group);
    for tool in store.tools() {
        let mut context = call_context();
        if let (Some(members), Some(arguments)) = (context.as_object_mut(), &tool.arguments) {
            members.insert("args".to_owned(), arguments.cedar_type());
        }
        let mut action = action("Tool", &context);
        if let Some(members) = action.as_object_mut() {
            members.insert("memberOf".to_owned(), json!([{ "id": CALL }]));
        }
        actions.insert(tool.action_id.clone(), action);
    }
    for name in SERVER_ACTIONS {
        actions.insert(name.to_owned(), action("Server", &server_context(name)));
    }
    json!({ "": { "entityTypes": entity_types(), "actions": actions } })
}

fn record(attributes: &Value) -> Value {
    json!({ "type": "Record", "attributes": attributes })
}

fn action(resource: &str, context: &Value) -> Value {
    json!({ "appliesTo": { "principalTypes": ["Agent"], "resourceTypes": [resource], "context": record(context) } })
}

fn entity_types() -> Value {
    let (string, boolean) = (json!({ "type": "String" }), json!({ "type": "Boolean" }));
    let strings = json!({ "type": "Set", "element": string });
    let server = json!({
        "name": string, "transport": string, "labels": strings,
        "resources_granted": boolean, "prompts_granted": boolean,
    });
    let tool = json!({ "name": string, "class": string, "risk": string, "labels": strings });
    json!({
        "Agent": { "shape": record(&json!({ "name": string })) },
        "Server": { "shape": record(&server) },
        "Tool": { "memberOfTypes": ["Server"], "shape": record(&tool) },
    })
}

fn shared_context() -> Value {
    let long = json!({ "type": "Long" });
    let strings = json!({ "type": "Set", "element": { "type": "String" } });
    json!({
        "approved": { "type": "Boolean" }, "labels": strings, "server_labels": strings,
        "time": long, "hour": long, "weekday": long,
    })
}

fn with(mut context: Value, more: Value) -> Value {
    if let (Some(members), Value::Object(more)) = (context.as_object_mut(), more) {
        members.extend(more);
    }
    context
}

fn call_context() -> Value {
    let (string, long) = (json!({ "type": "String" }), json!({ "type": "Long" }));
    let strings = json!({ "type": "Set", "element": string });
    let call = json!({
        "class": string, "risk": string, "cost_micros": long, "currency": string,
        "budgeted": { "type": "Boolean" }, "args_json": string, "arg_names": strings,
    });
    with(shared_context(), call)
}

fn server_context(action: &str) -> Value {
    let (string, boolean) = (json!({ "type": "String" }), json!({ "type": "Boolean" }));
    let more = match action {
        "read_resource" => json!({ "granted": boolean, "uri": string }),
        "get_prompt" => json!({ "granted": boolean, "prompt": string }),
        "complete" => json!({ "granted": boolean, "uri": string }),
        _ => json!({}),
    };
    with(shared_context(), more)
}
