//! Places of a definition that may differ from the accepted one, because a server changes them at each start.
//!
//! Invariant: only text that describes may vary: titles, descriptions, defaults, examples and lists of values. A name, a
//! type, a rule, a hint or a new member always changes the pin.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::authority::descriptive_place;

/// Replaces every varying place by the same mark. Other than descriptive places are not masked, whatever the settings
/// say. Returns the masked places.
pub(super) fn mask(definition: &mut Value, places: &BTreeSet<String>) -> Vec<String> {
    let mut masked = Vec::new();
    for place in places {
        if descriptive_place(place).as_ref() != Some(place) {
            continue;
        }
        if set(definition, place, Value::Null) {
            masked.push(place.clone());
        }
    }
    masked
}

/// Sets the member at a place whose parent is an object.
fn set(definition: &mut Value, place: &str, value: Value) -> bool {
    let Some((parent, token)) = place.rsplit_once('/') else { return false };
    let token = token.replace("~1", "/").replace("~0", "~");
    let Some(members) = definition.pointer_mut(parent).and_then(Value::as_object_mut) else { return false };
    members.insert(token, value);
    true
}

/// The mark of a varying text.
const TEXT_MARK: &str = "[text that the server changes; no person has reviewed it] ";
/// The mark of varying values. It stands in the description: a mark inside of a value would be sent to the server.
const VALUES_MARK: &str = "[values that the server changes; no person has reviewed them] ";

/// Marks varying text and values as not accepted by a person, for agents.
pub fn mark_varying(definition: &mut Value, places: &BTreeSet<String>) {
    let mut with_values = BTreeSet::new();
    for place in places.iter().filter(|place| descriptive_place(place).as_ref() == Some(place)) {
        let Some((parent, member)) = place.rsplit_once('/') else { continue };
        match definition.pointer_mut(place) {
            Some(Value::String(text)) if matches!(member, "title" | "description") => text.insert_str(0, TEXT_MARK),
            Some(_) => {
                with_values.insert(parent);
            }
            None => {}
        }
    }
    for parent in with_values {
        let Some(schema) = definition.pointer_mut(parent).and_then(Value::as_object_mut) else { continue };
        match schema.get_mut("description") {
            Some(Value::String(text)) => text.insert_str(0, VALUES_MARK),
            _ => {
                schema.insert("description".to_owned(), Value::from(VALUES_MARK.trim_end()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_descriptive_places_may_vary() {
        let varying = [
            ("/description", "/description"),
            ("/title", "/title"),
            ("/annotations/title", "/annotations/title"),
            ("/inputSchema/description", "/inputSchema/description"),
            ("/inputSchema/properties/db/enum/0", "/inputSchema/properties/db/enum"),
            ("/inputSchema/properties/db/default", "/inputSchema/properties/db/default"),
            (
                "/inputSchema/properties/a/items/properties/b/examples/2/x",
                "/inputSchema/properties/a/items/properties/b/examples",
            ),
            ("/inputSchema/properties/description/description", "/inputSchema/properties/description/description"),
            ("/inputSchema/anyOf/1/title", "/inputSchema/anyOf/1/title"),
            ("/outputSchema/$defs/x~1y/description", "/outputSchema/$defs/x~1y/description"),
        ];
        for (difference, place) in varying {
            assert_eq!(descriptive_place(difference).as_deref(), Some(place), "{difference}");
        }
        for other in [
            "",
            "/",
            "/name",
            "/inputSchema",
            "/outputSchema",
            "/annotations",
            "/annotations/readOnlyHint",
            "/_meta/description",
            "/inputSchema/type",
            "/inputSchema/properties",
            "/inputSchema/properties/description",
            "/inputSchema/properties/enum/type",
            "/inputSchema/required/0",
            "/inputSchema/properties/a/pattern",
            "/inputSchema/properties/a/const",
            "/description/0",
            "/inputSchema/additionalProperties",
            "/inputSchema/x/description",
            "/inputSchema/properties/a/description/b",
            "/icons/0/src",
            "description",
            "/inputSchema/properties/a/items",
            "/inputSchema/properties",
            "/annotations/title/x",
            "/inputSchema/allOf",
        ] {
            assert_eq!(descriptive_place(other), None, "{other}");
        }
    }

    #[test]
    fn masked_definitions_agree_and_others_differ() {
        let server = "files".parse().unwrap();
        let tool = |text: &str, kind: &str| json!({ "name": "t", "description": text, "inputSchema": { "type": "object", "properties": { "a": { "type": kind } } } });
        let places: BTreeSet<String> =
            ["/description".to_owned(), "/inputSchema".to_owned(), "/name".to_owned()].into();
        let pin = |definition: &Value| super::super::pin_varying(&server, definition, &places);
        let accepted = pin(&tool("Today is Monday", "string"));
        assert_eq!(accepted, pin(&tool("Today is Tuesday", "string")));
        assert_ne!(accepted, pin(&tool("Today is Monday", "integer")), "a schema never varies");
        let mut renamed = tool("Today is Monday", "string");
        renamed["name"] = json!("u");
        assert_ne!(accepted, pin(&renamed));
        assert_ne!(accepted, super::super::pin(&server, &tool("Today is Monday", "string")), "other places, other pin");
        let none = BTreeSet::from(["/inputSchema".to_owned()]);
        let plain = tool("x", "string");
        assert_eq!(super::super::pin_varying(&server, &plain, &none), super::super::pin(&server, &plain));
    }

    #[test]
    fn varying_text_is_marked_for_agents() {
        let mut definition = json!({ "name": "t", "description": "Now 12:00", "title": "T" });
        mark_varying(&mut definition, &["/description".to_owned(), "/name".to_owned()].into());
        assert_eq!(definition["description"], "[text that the server changes; no person has reviewed it] Now 12:00");
        assert_eq!((&definition["name"], &definition["title"]), (&json!("t"), &json!("T")));
    }

    #[test]
    fn varying_values_are_marked_beside_them_and_stay_usable() {
        for (member, values) in [
            ("enum", json!(["a", "b"])),
            ("examples", json!([{ "x": "a" }])),
            ("default", json!("a")),
            ("default", json!({ "x": ["a"] })),
        ] {
            let field = json!({ "type": "string", "description": "Which", member: values });
            let bare = json!({ "type": "string", member: values });
            let mut definition = json!({ "name": "t", "inputSchema": { "properties": { "field": field, "bare": bare, "still": bare } } });
            let place = |name: &str| format!("/inputSchema/properties/{name}/{member}");
            mark_varying(&mut definition, &[place("field"), place("bare")].into());
            let schemas = &definition["inputSchema"]["properties"];
            let mark = "[values that the server changes; no person has reviewed them]";
            assert_eq!(schemas["field"]["description"], format!("{mark} Which"));
            assert_eq!(schemas["bare"]["description"], mark);
            assert_eq!(schemas["still"], bare, "{member}");
            assert_eq!((&schemas["field"][member], &schemas["bare"][member]), (&values, &values));
        }
    }
}
