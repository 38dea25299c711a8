//! The Cedar entities: agents, servers and tools.
//!
//! Invariant: entities come from the authority document only, never from what an agent sends (attack 60).

use std::collections::BTreeMap;

use briefcase_types::{AgentId, Digest, Money, ServerId, ToolName};
use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression as Restricted, Schema};
use serde_json::Value;

use super::{
    Risk, arguments::ArgumentType, declared::Declared, definitions::AcceptedDefinitions, facts::SERVER_ACTIONS,
    problem::PolicyError,
};
use crate::{
    authority::{Authority, Class, ReadsGranted, Server},
    label::Labels,
};

/// The entities of an authority document, with the data that a decision looks up by id.
pub(super) struct EntityStore {
    agents: BTreeMap<AgentId, EntityUid>,
    servers: BTreeMap<ServerId, ServerEntity>,
}

pub(super) struct ServerEntity {
    pub(super) uid: EntityUid,
    pub(super) enabled: bool,
    pub(super) labels: Labels,
    pub(super) reads: ReadsGranted,
    pub(super) tools: BTreeMap<ToolName, ToolEntity>,
}

pub(super) struct ToolEntity {
    pub(super) uid: EntityUid,
    pub(super) action: EntityUid,
    pub(super) action_id: String,
    pub(super) pin: Digest,
    pub(super) class: Class,
    pub(super) risk: Risk,
    pub(super) cost: Option<Money>,
    pub(super) labels: Labels,
    pub(super) arguments: Option<ArgumentType>,
    pub(super) declared: Declared,
    /// Whether the arguments are checked at all. Without a check, the class is `unknown` and every call asks.
    pub(super) checkable: bool,
}

pub(super) fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn type_name(name: &str) -> Result<EntityTypeName, PolicyError> {
    name.parse().map_err(|_| PolicyError::Inexpressible(format!("`{name}` is not an entity type")))
}

impl EntityStore {
    pub(super) fn new(authority: &Authority, definitions: &AcceptedDefinitions) -> Self {
        let Ok(types) = EntityTypes::new() else { return Self { agents: BTreeMap::new(), servers: BTreeMap::new() } };
        let enabled = authority.agents.iter().filter(|(_, agent)| !agent.disabled);
        let agents = enabled.map(|(id, _)| (id.clone(), uid(&types.agent, id.as_str()))).collect();
        let server = |(id, server): (&ServerId, &Server)| (id.clone(), server_entity(&types, id, server, definitions));
        Self { agents, servers: authority.servers.iter().map(server).collect() }
    }

    pub(super) fn agent(&self, id: &AgentId) -> Option<&EntityUid> {
        self.agents.get(id)
    }

    pub(super) fn server(&self, id: &ServerId) -> Option<&ServerEntity> {
        self.servers.get(id)
    }

    pub(super) fn tool(&self, server: &ServerId, tool: &ToolName) -> Option<&ToolEntity> {
        self.servers.get(server)?.tools.get(tool)
    }

    pub(super) fn tools(&self) -> impl Iterator<Item = &ToolEntity> {
        self.servers.values().flat_map(|server| server.tools.values())
    }

    /// The ids of all actions that can be requested.
    pub(super) fn actions(&self) -> impl Iterator<Item = &str> {
        self.tools().map(|tool| tool.action_id.as_str()).chain(SERVER_ACTIONS)
    }

    pub(super) fn entities(&self, authority: &Authority, schema: &Schema) -> Result<Entities, PolicyError> {
        let mut entities = Vec::new();
        for (id, uid) in &self.agents {
            entities.push(entity(uid, [("name", text(id.as_str()))], None)?);
        }
        for (id, server) in &self.servers {
            let transport = authority.servers.get(id).map_or("", |known| known.transport.kind());
            let attributes = [
                ("name", text(id.as_str())),
                ("transport", text(transport)),
                ("labels", labels(server.labels)),
                ("resources_granted", Restricted::new_bool(server.reads.resources)),
                ("prompts_granted", Restricted::new_bool(server.reads.prompts)),
            ];
            entities.push(entity(&server.uid, attributes, None)?);
            for (name, tool) in &server.tools {
                let attributes = [
                    ("name", text(name.as_str())),
                    ("class", text(tool.class.as_str())),
                    ("risk", text(tool.risk.as_str())),
                    ("labels", labels(tool.labels)),
                ];
                entities.push(entity(&tool.uid, attributes, Some(&server.uid))?);
            }
        }
        Entities::from_entities(entities, Some(schema)).map_err(|error| PolicyError::Inexpressible(error.to_string()))
    }
}

struct EntityTypes {
    agent: EntityTypeName,
    server: EntityTypeName,
    tool: EntityTypeName,
    action: EntityTypeName,
}

impl EntityTypes {
    fn new() -> Result<Self, PolicyError> {
        let [agent, server, tool, action] = ["Agent", "Server", "Tool", "Action"].map(type_name);
        Ok(Self { agent: agent?, server: server?, tool: tool?, action: action? })
    }
}

fn server_entity(
    types: &EntityTypes,
    id: &ServerId,
    server: &Server,
    definitions: &AcceptedDefinitions,
) -> ServerEntity {
    let tools = server.pins.iter().map(|(name, pin)| {
        let accepted = definitions.get(&pin.digest);
        let action_id = format!("{id}/{name}");
        let checkable = accepted.is_none_or(|accepted| accepted.checkable);
        let class = if checkable { pin.class } else { Class::Unknown };
        let entity = ToolEntity {
            uid: uid(&types.tool, &action_id),
            action: uid(&types.action, &action_id),
            action_id,
            pin: pin.digest,
            class,
            risk: Risk::of(class, accepted.map_or(&Value::Null, |accepted| &accepted.hints)),
            cost: pin.cost,
            labels: server.labels.union(pin.labels),
            arguments: accepted.and_then(|accepted| accepted.arguments.clone()),
            declared: accepted.map_or_else(Declared::default, |accepted| accepted.declared.clone()),
            checkable,
        };
        (name.clone(), entity)
    });
    ServerEntity {
        uid: uid(&types.server, id.as_str()),
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
    Entity::new(uid.clone(), attributes, parents).map_err(|error| PolicyError::Inexpressible(error.to_string()))
}
