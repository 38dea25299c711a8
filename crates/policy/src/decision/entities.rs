//! The world policies speak of: agents, servers, tools, and what an action carries.

use std::collections::BTreeMap;

use briefcase_types::{AgentId, Digest, Money, ServerId, ToolName};
use cedar_policy::{
    Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression as Restricted, Schema, SchemaFragment,
};
use serde_json::{Map, Value, json};

use super::{Risk, arguments::Shape, declared::Declared, problem::PolicyError};
use crate::{
    authority::{Authority, Class, ReadsGranted, Server},
    label::Labels,
};

/// What policies may see of accepted definitions, by pin. Only the schema of the arguments and the hints are taken from a
/// definition; its name, title and description are not looked at.
#[derive(Clone, Debug, Default)]
pub struct Catalogue(BTreeMap<[u8; 32], Seen>);

#[derive(Clone, Debug)]
struct Seen {
    arguments: Option<Shape>,
    declared: Declared,
    hints: Value,
}

impl Catalogue {
    /// An empty catalogue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an accepted definition.
    pub fn add(&mut self, pin: Digest, definition: &Value) {
        let arguments = super::arguments::shape_of_arguments(definition);
        let hints = json!({ "annotations": definition.get("annotations") });
        self.0.insert(*pin.as_bytes(), Seen { arguments, declared: Declared::of(definition), hints });
    }

    fn seen(&self, pin: &Digest) -> Option<&Seen> {
        self.0.get(pin.as_bytes())
    }
}

/// Everything a decision looks up.
pub(super) struct World {
    agents: BTreeMap<AgentId, EntityUid>,
    servers: BTreeMap<ServerId, ServerFacts>,
}

pub(super) struct ServerFacts {
    pub(super) uid: EntityUid,
    pub(super) enabled: bool,
    pub(super) labels: Labels,
    pub(super) reads: ReadsGranted,
    pub(super) tools: BTreeMap<ToolName, ToolFacts>,
}

pub(super) struct ToolFacts {
    pub(super) uid: EntityUid,
    pub(super) action: EntityUid,
    pub(super) action_id: String,
    pub(super) pin: Digest,
    pub(super) class: Class,
    pub(super) risk: Risk,
    pub(super) cost: Option<Money>,
    pub(super) labels: Labels,
    pub(super) arguments: Option<Shape>,
    pub(super) declared: Declared,
}

/// What a server can be asked, and what it can ask, beside tool calls.
pub(super) const SERVER_ACTIONS: [&str; 6] =
    ["read_resource", "get_prompt", "complete", "elicit", "sample", "list_roots"];
/// The group of all tool calls.
pub(super) const CALL: &str = "call";

pub(super) fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn type_name(name: &str) -> Result<EntityTypeName, PolicyError> {
    name.parse().map_err(|_| PolicyError::Catalogue(format!("`{name}` is not an entity type")))
}

impl World {
    pub(super) fn new(authority: &Authority, catalogue: &Catalogue) -> Self {
        let Ok(kinds) = Kinds::new() else { return Self { agents: BTreeMap::new(), servers: BTreeMap::new() } };
        let enabled = authority.agents.iter().filter(|(_, agent)| !agent.disabled);
        let agents = enabled.map(|(id, _)| (id.clone(), uid(&kinds.agent, id.as_str()))).collect();
        let server = |(id, server): (&ServerId, &Server)| (id.clone(), server_facts(&kinds, id, server, catalogue));
        Self { agents, servers: authority.servers.iter().map(server).collect() }
    }

    pub(super) fn agent(&self, id: &AgentId) -> Option<&EntityUid> {
        self.agents.get(id)
    }

    pub(super) fn server(&self, id: &ServerId) -> Option<&ServerFacts> {
        self.servers.get(id)
    }

    pub(super) fn tool(&self, server: &ServerId, tool: &ToolName) -> Option<&ToolFacts> {
        self.servers.get(server)?.tools.get(tool)
    }

    fn tools(&self) -> impl Iterator<Item = &ToolFacts> {
        self.servers.values().flat_map(|server| server.tools.values())
    }

    /// The ids of all actions that can be requested.
    pub(super) fn actions(&self) -> impl Iterator<Item = &str> {
        self.tools().map(|tool| tool.action_id.as_str()).chain(SERVER_ACTIONS)
    }

    /// The schema, and its text for people.
    pub(super) fn schema(&self) -> Result<(Schema, String), PolicyError> {
        let wrong = |error: &dyn std::fmt::Display| PolicyError::Catalogue(error.to_string());
        let json = self.schema_json();
        let fragment = SchemaFragment::from_json_value(json.clone()).map_err(|error| wrong(&error))?;
        let text = fragment.to_cedarschema().map_err(|error| wrong(&error))?;
        let schema = Schema::from_json_value(json).map_err(|error| wrong(&error))?;
        Ok((schema, text))
    }

    fn schema_json(&self) -> Value {
        let mut actions = Map::new();
        // A group without members can be asked by nobody, and a policy about it would not compile: until the first tool is
        // accepted, the group stands for one.
        let group = if self.tools().next().is_none() { action("Tool", &call_context()) } else { json!({}) };
        actions.insert(CALL.to_owned(), group);
        for tool in self.tools() {
            let mut context = call_context();
            if let (Some(members), Some(shape)) = (context.as_object_mut(), &tool.arguments) {
                members.insert("args".to_owned(), shape.cedar_type());
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

    pub(super) fn entities(&self, authority: &Authority, schema: &Schema) -> Result<Entities, PolicyError> {
        let mut entities = Vec::new();
        for (id, uid) in &self.agents {
            entities.push(entity(uid, [("name", text(id.as_str()))], None)?);
        }
        for (id, facts) in &self.servers {
            let transport = authority.servers.get(id).map_or("", |server| server.transport.kind());
            let attributes = [
                ("name", text(id.as_str())),
                ("transport", text(transport)),
                ("labels", labels(facts.labels)),
                ("resources_granted", Restricted::new_bool(facts.reads.resources)),
                ("prompts_granted", Restricted::new_bool(facts.reads.prompts)),
            ];
            entities.push(entity(&facts.uid, attributes, None)?);
            for (name, tool) in &facts.tools {
                let attributes = [
                    ("name", text(name.as_str())),
                    ("class", text(tool.class.as_str())),
                    ("risk", text(tool.risk.as_str())),
                    ("labels", labels(tool.labels)),
                ];
                entities.push(entity(&tool.uid, attributes, Some(&facts.uid))?);
            }
        }
        Entities::from_entities(entities, Some(schema)).map_err(|error| PolicyError::Catalogue(error.to_string()))
    }
}

struct Kinds {
    agent: EntityTypeName,
    server: EntityTypeName,
    tool: EntityTypeName,
    action: EntityTypeName,
}

impl Kinds {
    fn new() -> Result<Self, PolicyError> {
        let [agent, server, tool, action] = ["Agent", "Server", "Tool", "Action"].map(type_name);
        Ok(Self { agent: agent?, server: server?, tool: tool?, action: action? })
    }
}

fn server_facts(kinds: &Kinds, id: &ServerId, server: &Server, catalogue: &Catalogue) -> ServerFacts {
    let tools = server.pins.iter().map(|(name, pin)| {
        let seen = catalogue.seen(&pin.digest);
        let action_id = format!("{id}/{name}");
        let facts = ToolFacts {
            uid: uid(&kinds.tool, &action_id),
            action: uid(&kinds.action, &action_id),
            action_id,
            pin: pin.digest,
            class: pin.class,
            risk: Risk::of(pin.class, seen.map_or(&Value::Null, |seen| &seen.hints)),
            cost: pin.cost,
            labels: server.labels.union(pin.labels),
            arguments: seen.and_then(|seen| seen.arguments.clone()),
            declared: seen.map_or_else(Declared::default, |seen| seen.declared.clone()),
        };
        (name.clone(), facts)
    });
    ServerFacts {
        uid: uid(&kinds.server, id.as_str()),
        enabled: server.enabled,
        labels: server.labels,
        reads: server.reads_granted,
        tools: tools.collect(),
    }
}

pub(super) fn text(value: &str) -> Restricted {
    Restricted::new_string(value.to_owned())
}

pub(super) fn labels(labels: Labels) -> Restricted {
    Restricted::new_set(labels.iter().map(|label| text(label.as_str())))
}

fn entity<const N: usize>(
    uid: &EntityUid,
    attributes: [(&str, Restricted); N],
    parent: Option<&EntityUid>,
) -> Result<Entity, PolicyError> {
    let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let parents = parent.into_iter().cloned().collect();
    Entity::new(uid.clone(), attributes, parents).map_err(|error| PolicyError::Catalogue(error.to_string()))
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

fn common_context() -> Value {
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
    with(common_context(), call)
}

fn server_context(action: &str) -> Value {
    let (string, boolean) = (json!({ "type": "String" }), json!({ "type": "Boolean" }));
    let more = match action {
        "read_resource" => json!({ "granted": boolean, "uri": string }),
        "get_prompt" => json!({ "granted": boolean, "prompt": string }),
        "complete" => json!({ "granted": boolean }),
        _ => json!({}),
    };
    with(common_context(), more)
}
