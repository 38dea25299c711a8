//! The arguments that a tool's schema names. An argument that it does not name has no accepted purpose: a call that
//! carries one is not a granted read (attack 7).
//!
//! Invariant: an argument never counts as declared because the search takes too long.

use std::sync::Arc;

use serde_json::{Map, Value};

/// The maximum number of schema parts applied to value parts in one search. Beyond it, the rest counts as undeclared.
const STEPS_MAX: usize = 20_000;
/// The maximum number of reported names.
const NAMES_MAX: usize = 8;
/// The maximum length of a reported name.
const NAME_MAX: usize = 64;

/// Members whose schemas apply to the same value.
const IN_PLACE: [&str; 4] = ["if", "then", "else", "$ref"];
const IN_PLACE_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// The schema of a tool's arguments, as far as it names them.
#[derive(Clone, Debug, Default)]
pub(super) struct Declared(Arc<Value>);

impl Declared {
    pub(super) fn of(definition: &Value) -> Self {
        Self(Arc::new(definition.get("inputSchema").cloned().unwrap_or_default()))
    }

    /// Returns the arguments that the schema does not name, as printable paths. The list may be incomplete. A schema,
    /// or a part of one, that names no member accepts every member.
    pub(super) fn undeclared(&self, arguments: &Value) -> Vec<String> {
        let mut search = Search { root: &self.0, steps: 0, found: Vec::new() };
        search.value(vec![&self.0], arguments, "");
        search.found
    }
}

struct Search<'a> {
    root: &'a Value,
    steps: usize,
    found: Vec<String>,
}

impl<'a> Search<'a> {
    fn value(&mut self, schemas: Vec<&'a Value>, value: &Value, path: &str) {
        let schemas = self.in_place(schemas);
        match value {
            Value::Object(members) => self.object(&schemas, members, path),
            Value::Array(items) => {
                let below: Vec<&Value> = schemas.iter().flat_map(|schema| item_schemas(schema)).collect();
                for item in items {
                    if !self.spend(path) {
                        return;
                    }
                    self.value(below.clone(), item, path);
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, schemas: &[&'a Map<String, Value>], members: &Map<String, Value>, path: &str) {
        let properties: Vec<_> =
            schemas.iter().filter_map(|schema| schema.get("properties").and_then(Value::as_object)).collect();
        for (name, member) in members {
            if !self.spend(path) {
                return;
            }
            let named = properties.iter().filter_map(|properties| properties.get(name));
            let others = schemas.iter().filter_map(|schema| schema.get("additionalProperties"));
            let below: Vec<&Value> = named.chain(others.filter(|others| says_something(others))).collect();
            if below.is_empty() && !properties.is_empty() {
                self.report(&format!("{path}{name}"));
            } else {
                self.value(below, member, &format!("{path}{name}."));
            }
        }
    }

    /// Returns the schemas, and those that they apply to the same value.
    fn in_place(&mut self, schemas: Vec<&'a Value>) -> Vec<&'a Map<String, Value>> {
        let (mut open, mut all) = (schemas, Vec::<&Map<String, Value>>::new());
        while let Some(schema) = open.pop() {
            self.steps = self.steps.saturating_add(1);
            let Some(members) = schema.as_object().filter(|_| self.steps < STEPS_MAX) else { continue };
            if all.iter().any(|known| std::ptr::eq(*known, members)) {
                continue;
            }
            all.push(members);
            for name in IN_PLACE {
                match members.get(name) {
                    Some(Value::String(reference)) => open.extend(self.target(reference)),
                    Some(other) => open.push(other),
                    None => {}
                }
            }
            let lists = IN_PLACE_LISTS.iter().filter_map(|name| members.get(*name).and_then(Value::as_array));
            open.extend(lists.flatten());
            open.extend(
                members.get("dependentSchemas").and_then(Value::as_object).into_iter().flat_map(|map| map.values()),
            );
        }
        all
    }

    fn target(&self, reference: &str) -> Option<&'a Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }

    fn spend(&mut self, path: &str) -> bool {
        self.steps = self.steps.saturating_add(1);
        let left = self.steps < STEPS_MAX;
        if !left {
            self.report(&format!("{path}…"));
        }
        left
    }

    fn report(&mut self, name: &str) {
        let name = briefcase_types::text::printable(briefcase_types::text::clip(name, NAME_MAX));
        if self.found.len() < NAMES_MAX && !self.found.contains(&name) {
            self.found.push(name);
        }
    }
}

fn item_schemas(schema: &Map<String, Value>) -> Vec<&Value> {
    let places = ["items", "prefixItems", "additionalItems"].into_iter().filter_map(|name| schema.get(name));
    places
        .flat_map(|place| match place {
            Value::Array(items) => items.iter().collect(),
            one => vec![one],
        })
        .collect()
}

/// Returns whether a schema for unnamed members constrains them.
fn says_something(schema: &Value) -> bool {
    schema.as_object().is_some_and(|members| !members.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn undeclared(schema: Value, arguments: Value) -> Vec<String> {
        Declared::of(&json!({ "inputSchema": schema })).undeclared(&arguments)
    }

    #[test]
    fn attack_07_undeclared_arguments_are_found_at_any_depth() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": { "type": "string" },
                "filter": { "$ref": "#/$defs/filter" },
                "list": { "type": "array", "items": { "properties": { "a": {} } } },
                "free": { "type": "object" },
                "headers": { "type": "object", "additionalProperties": { "type": "string" } }
            },
            "anyOf": [{ "properties": { "mode": {} } }, { "required": ["city"] }],
            "$defs": { "filter": { "allOf": [{ "properties": { "x": {} } }, { "properties": { "y": {} } }] } }
        });
        let declared = json!({
            "city": "Rome", "filter": { "x": 1, "y": 2 }, "list": [{ "a": 1 }], "free": { "any": 1 },
            "headers": { "any": "text" }, "mode": 1
        });
        assert_eq!(undeclared(schema.clone(), declared), Vec::<String>::new());
        let more = json!({
            "city": "Rome", "conversation": "all of it", "filter": { "z": 1 }, "list": [{ "a": 1 }, { "b": 2 }]
        });
        assert_eq!(undeclared(schema, more), ["conversation", "filter.z", "list.b"]);
    }

    #[test]
    fn a_schema_without_names_accepts_everything_and_additional_properties_are_undeclared() {
        assert!(undeclared(json!({ "type": "object" }), json!({ "n": 1 })).is_empty());
        for more in [json!(true), json!({})] {
            let schema = json!({ "properties": { "a": {} }, "additionalProperties": more });
            assert_eq!(undeclared(schema, json!({ "a": 1, "b\u{202e}": 2 })).len(), 1);
        }
        assert_eq!(undeclared(json!({ "properties": {} }), json!({ "n": 1 })), ["n"]);
    }

    #[test]
    fn a_search_that_takes_too_long_reports_an_argument() {
        let schema = json!({ "properties": { "a": { "items": { "$ref": "#" } } }, "allOf": [{ "$ref": "#" }] });
        let items = vec![json!({ "a": [] }); STEPS_MAX];
        assert!(!undeclared(schema, json!({ "a": items })).is_empty());
    }
}
