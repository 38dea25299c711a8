//! Schemas as servers write them: old dialects, mistakes, and parts that cannot be checked.

use serde_json::{Value, json};

use super::super::*;

fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

/// Checks that a schema is checked in full, and accepts and refuses these values.
fn checked(schema: Value, fits: &[Value], misses: &[Value]) {
    let read = read(&schema);
    assert!(read.problems.is_empty(), "{schema}: {:?}", read.problems);
    verdicts(&schema, &read, fits, misses);
}

/// Checks that a schema is checked but for these places.
fn partly(schema: Value, places: &[&str], fits: &[Value], misses: &[Value]) {
    let read = read(&schema);
    let found: Vec<_> = read.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(found, places, "{schema}: {:?}", read.problems);
    verdicts(&schema, &read, fits, misses);
}

fn verdicts(source: &Value, read: &ReadSchema, fits: &[Value], misses: &[Value]) {
    let schema = read.schema.as_ref().unwrap_or_else(|| panic!("{source}: {:?}", read.problems));
    for value in fits {
        assert_eq!(schema.validate(value), Ok(()), "{source} {value}");
    }
    for value in misses {
        assert!(schema.validate(value).is_err(), "{source} accepts {value}");
    }
}

#[test]
fn old_dialects_are_checked_as_they_were_meant() {
    let over = object(json!({ "n": { "type": "number", "minimum": 0, "exclusiveMinimum": true } }));
    checked(over, &[json!({ "n": 0.1 })], &[json!({ "n": 0 }), json!({ "n": "1" })]);
    let under =
        object(json!({ "n": { "maximum": 5, "exclusiveMaximum": true, "minimum": 1, "exclusiveMinimum": false } }));
    checked(under, &[json!({ "n": 4 }), json!({ "n": 1 })], &[json!({ "n": 5 }), json!({ "n": 0 })]);
    let pair =
        json!({ "type": "array", "items": [{ "type": "string" }, { "type": "integer" }], "additionalItems": false });
    checked(
        object(json!({ "p": pair })),
        &[json!({ "p": ["a", 1] }), json!({ "p": [] })],
        &[json!({ "p": [1, 1] }), json!({ "p": ["a", 1, 2] })],
    );
    let needs =
        json!({ "type": "object", "id": "http://x/y#", "dependencies": { "a": ["b"], "c": { "required": ["d"] } } });
    checked(
        needs.clone(),
        &[json!({ "a": 1, "b": 1 }), json!({ "c": 1, "d": 1 })],
        &[json!({ "a": 1 }), json!({ "c": 1 })],
    );
    let named = json!({
        "type": "object", "properties": { "who": { "$ref": "#/definitions/who" }, "it": { "$ref": "thing.json" }, "an": { "$ref": "#mark" } },
        "definitions": {
            "who": { "type": "string", "minLength": 2 },
            "thing": { "$id": "thing.json", "properties": { "x": { "$ref": "#/definitions/inner" } }, "definitions": { "inner": { "type": "boolean" } } },
            "mark": { "id": "#mark", "type": "integer" },
        },
    });
    checked(
        named,
        &[json!({ "who": "ab", "it": { "x": true }, "an": 1 })],
        &[json!({ "who": "a" }), json!({ "it": { "x": 1 } }), json!({ "an": "1" })],
    );
    // Until draft 7 the neighbours of a reference do not count.
    let neighbours = |dialect: &str| {
        json!({ "$schema": dialect, "type": "object", "properties": { "a": { "$ref": "#/definitions/t", "maxLength": 1 }, "b": { "items": [{}] } },
                "definitions": { "t": { "type": "string" } } })
    };
    checked(neighbours("http://json-schema.org/draft-07/schema#"), &[json!({ "a": "abc" })], &[json!({ "a": 1 })]);
    checked(
        neighbours("https://json-schema.org/draft/2019-09/schema"),
        &[json!({ "a": "a" })],
        &[json!({ "a": "abc" })],
    );
    let tree = json!({ "type": "object", "properties": { "value": { "type": "integer" }, "next": { "$recursiveRef": "#" } }, "id": "tree" });
    checked(tree, &[json!({ "value": 1, "next": { "value": 2 } })], &[json!({ "next": { "value": "2" } })]);
}

#[test]
fn null_where_a_member_is_optional_means_absent() {
    let names = [
        "required",
        "properties",
        "items",
        "enum",
        "additionalProperties",
        "pattern",
        "minimum",
        "minLength",
        "anyOf",
        "allOf",
        "$ref",
        "$defs",
        "definitions",
        "description",
        "title",
        "format",
        "examples",
        "$id",
        "id",
        "$schema",
        "not",
        "uniqueItems",
        "dependencies",
        "patternProperties",
    ];
    for name in names {
        let mut schema = object(json!({ "a": { "type": "string" } }));
        schema[name] = Value::Null;
        let misses = if name == "properties" { vec![json!([])] } else { vec![json!({ "a": 5 }), json!([])] };
        checked(schema, &[json!({ "a": "x" }), json!({})], &misses);
        let inner = object(json!({ "a": { "type": "array", name: null }, "b": { "type": "string" } }));
        checked(inner, &[json!({ "a": [1] })], &[json!({ "a": 1 }), json!({ "b": 1 })]);
    }
    checked(object(json!({ "a": { "const": null } })), &[json!({ "a": null })], &[json!({ "a": 1 })]);
}

#[test]
fn a_part_that_cannot_be_checked_is_named_and_the_rest_is_checked() {
    for pattern in ["^(?!\\.)x$", "(?=a)b", "(?<=a)b", "(a)\\1", "a{100000}", "((a{1000}){1000})", "[", "(?<!x)y"] {
        partly(
            object(
                json!({ "a": { "type": "string", "pattern": pattern, "maxLength": 3 }, "n": { "type": "integer" } }),
            ),
            &["/properties/a/pattern"],
            &[json!({ "a": "x", "n": 1 }), json!({ "a": "?" })],
            &[json!({ "a": "xxxx" }), json!({ "a": 5 }), json!({ "n": "1" })],
        );
    }
    for reference in [
        "#/components/schemas/X",
        "#/$defs/none",
        "#none",
        "https://example.com/s.json",
        "other.json#/x",
        "file:///etc/passwd",
    ] {
        partly(
            json!({ "type": "object", "properties": { "a": { "$ref": reference }, "n": { "type": "integer" } }, "required": ["n"] }),
            &["/properties/a/$ref"],
            &[json!({ "a": [1], "n": 1 })],
            &[json!({ "a": 1 }), json!({ "n": "1" })],
        );
    }
    let cases = [
        (json!({ "type": "int" }), "type"),
        (json!({ "type": ["string", "uuid"] }), "type"),
        (json!({ "type": 5 }), "type"),
        (json!({ "type": null }), "type"),
        (json!({ "required": true }), "required"),
        (json!({ "minimum": "0" }), "minimum"),
        (json!({ "maxLength": -1 }), "maxLength"),
        (json!({ "enum": "a" }), "enum"),
        (json!({ "anyOf": [] }), "anyOf"),
        (json!({ "properties": [] }), "properties"),
        (json!({ "multipleOf": 0 }), "multipleOf"),
        (json!({ "$ref": 5 }), "$ref"),
        (json!({ "$dynamicRef": "#nowhere" }), "$dynamicRef"),
    ];
    for (part, keyword) in cases {
        partly(
            object(json!({ "a": part, "n": { "type": "integer" } })),
            &[&format!("/properties/a/{keyword}")],
            &[json!({ "a": "x", "n": 1 }), json!({ "a": 1 })],
            &[json!({ "n": "1" })],
        );
    }
    partly(
        object(json!({ "a/b": "text", "n": { "type": "integer" } })),
        &["/properties/a~1b"],
        &[json!({ "a/b": 1 })],
        &[json!({ "n": "" })],
    );
}

/// A rule that would refuse more without a part that cannot be checked is left out with the part.
#[test]
fn nothing_that_fits_is_refused_for_a_part_that_is_left_out() {
    let look = json!({ "pattern": "^(?!a)" });
    let odd = json!({ "type": "object", "properties": { "s": look } });
    let by_reference = json!({ "$ref": "#/$defs/odd" });
    for part in [odd.clone(), by_reference] {
        for rule in [
            json!({ "not": part }),
            json!({ "oneOf": [part, { "type": "object" }] }),
            json!({ "if": part, "then": { "required": ["none"] }, "else": {} }),
            json!({ "allOf": [part], "unevaluatedProperties": false, "properties": { "n": {} } }),
            json!({ "anyOf": [{ "not": { "allOf": [part] } }] }),
        ] {
            let mut schema = rule.clone();
            schema["$defs"] = json!({ "odd": odd });
            let read = read(&schema);
            assert!(!read.problems.is_empty());
            assert_eq!(read.schema.unwrap().validate(&json!({ "s": "abc", "n": 1 })), Ok(()), "{schema}");
        }
    }
    let names = json!({ "type": "object", "patternProperties": { "^(?!x)": {} }, "additionalProperties": false });
    assert_eq!(read(&names).schema.unwrap().validate(&json!({ "abc": 1 })), Ok(()));
    let exact =
        json!({ "oneOf": [{ "required": ["a"] }, { "required": ["b"] }], "properties": { "p": { "type": "int" } } });
    let exact = read(&exact).schema.unwrap();
    assert!(exact.validate(&json!({ "a": 1, "b": 1 })).is_err(), "rules without such a part stay");
}

#[test]
fn a_schema_without_any_checkable_part_says_why() {
    let deep = (0..100).fold(json!({}), |inner, _| json!({ "properties": { "a": inner } }));
    let wide: serde_json::Map<_, _> = (0..3000).map(|n| (format!("p{n}"), json!({ "type": "int" }))).collect();
    let cycle = json!({ "allOf": [{ "$ref": "#" }], "type": "int" });
    for (schema, place) in [
        (json!("text"), ""),
        (json!([]), ""),
        (json!({ "$schema": "https://example.com/own-dialect" }), "/$schema"),
        (deep, ""),
        (object(Value::Object(wide)), ""),
        (cycle, ""),
    ] {
        let read = read(&schema);
        assert!(read.schema.is_none(), "{schema}");
        assert_eq!(read.problems[0].path, place);
        assert!(!read.problems[0].reason.is_empty());
    }
}

#[test]
fn problems_are_short_and_hide_nothing() {
    let name = "\u{202e}a\u{1b}[2J";
    let long = "x".repeat(5000);
    let read = read(&object(json!({ name: { "pattern": format!("(?!a){name}") }, "b": { "type": long } })));
    let text: String = read.problems.iter().map(ToString::to_string).collect();
    assert!(!text.contains(['\u{202e}', '\u{1b}']) && text.len() < 1200, "{text:?}");
    let many: serde_json::Map<_, _> = (0..100).map(|n| (format!("p{n}"), json!({ "type": "int" }))).collect();
    assert!(super::super::read(&object(Value::Object(many))).problems.len() <= 16);
}
