use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;

mod dialects;

fn refused(schema: &Value) -> SchemaError {
    match compile(schema) {
        Err(error) => error,
        Ok(_) => panic!("compiled: {}", schema.to_string().chars().take(200).collect::<String>()),
    }
}

fn messages(schema: &Value, value: &Value) -> Vec<String> {
    compile(schema).unwrap().validate(value).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn ordinary_schemas_check_arguments() {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
        "properties": {
            "to": { "type": "string", "pattern": "^[^@\\s]+@[^@\\s]+$", "format": "email" },
            "n": { "type": "integer", "minimum": 1, "maximum": 5 },
            "mode": { "enum": ["a", "b"] }, "when": { "$ref": "#/definitions/when" },
        },
        "required": ["to"], "additionalProperties": false,
        "definitions": { "when": { "anyOf": [{ "type": "string" }, { "type": "null" }] } },
    });
    let compiled = compile(&schema).unwrap();
    assert_eq!(compiled.validate(&json!({ "to": "a@b", "n": 5, "mode": "a", "when": null })), Ok(()));
    for (bad, path, keyword) in [
        (json!({}), "", "required"),
        (json!({ "to": 5 }), "/to", "type"),
        (json!({ "to": "nobody" }), "/to", "pattern"),
        (json!({ "to": "a@b", "n": 6 }), "/n", "maximum"),
        (json!({ "to": "a@b", "mode": "c" }), "/mode", "enum"),
        (json!({ "to": "a@b", "x": 1 }), "", "additionalProperties"),
        (json!([]), "", "type"),
    ] {
        let violations = compiled.validate(&bad).unwrap_err();
        assert!(violations.iter().any(|one| one.path == path && one.keyword == keyword), "{bad}: {violations:?}");
    }
}

#[test]
fn messages_help_and_never_repeat_a_value() {
    let schema = json!({
        "type": "object",
        "properties": {
            "a": { "type": "integer" }, "b": { "enum": ["x", "y"] }, "c": { "pattern": "^z" }, "d": { "maxLength": 3 },
            "e": { "const": 1 }, "f": { "items": { "type": "string" } }, "g": { "not": {} }, "h": { "anyOf": [{ "type": "null" }] },
            "i": { "uniqueItems": true }, "j": { "oneOf": [{}, {}] }, "k": false,
        },
        "additionalProperties": false,
    });
    for name in ["a", "b", "c", "d", "e", "g", "h", "j", "k"] {
        let found = messages(&schema, &json!({ name: "SECRET-VALUE" })).join("; ");
        assert!(found.contains(&format!("/{name} ")) && !found.contains("SECRET"), "{found}");
    }
    assert!(!messages(&schema, &json!({ "f": ["SECRET", 5], "i": ["SECRET", "SECRET"] })).join("").contains("SECRET"));
    assert_eq!(messages(&schema, &json!({ "a": "SECRET" })), ["/a is of type string, and has to be of type integer"]);
    let hostile = messages(&schema, &json!({ "\u{1b}[2J\u{202e}": 1 })).join("");
    assert!(!hostile.contains(['\u{1b}', '\u{202e}']), "{hostile:?}");
}

#[test]
fn attack_46_nothing_outside_is_referred_to() {
    for reference in [
        "https://evil.example/s.json",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "other.json",
        "//evil/x",
        "urn:x:y",
    ] {
        for schema in [
            json!({ "$ref": reference }),
            json!({ "properties": { "a": { "$ref": reference } } }),
            json!({ "$defs": { "a": { "anyOf": [{ "$ref": reference }] } } }),
        ] {
            assert_eq!(refused(&schema), SchemaError::Reference, "{schema}");
        }
    }
    assert_eq!(refused(&json!({ "$schema": "https://evil.example/dialect" })), SchemaError::Dialect);
    assert_eq!(
        refused(&json!({ "properties": { "a": { "$id": "https://evil.example/", "$ref": "#/x" } } })),
        SchemaError::Reference
    );
    assert_eq!(refused(&json!({ "$dynamicRef": "#x" })), SchemaError::Reference);
    assert_eq!(refused(&json!({ "$ref": "#/nowhere" })), SchemaError::Dangling);
    assert_eq!(refused(&json!("x")), SchemaError::NotAnObject);
    // A member of the arguments may have the name of a keyword.
    assert!(compile(&json!({ "properties": { "$ref": { "type": "string" }, "$id": { "type": "string" } } })).is_ok());
}

/// Attack 48: twenty schemas built to take unlimited time. Each is rejected, or compiles and checks values in bounded
/// time.
#[test]
fn attack_48_schema_bombs_are_refused_or_harmless() {
    let doubling = |levels: usize, keyword: &str| {
        let mut defs = serde_json::Map::new();
        defs.insert("s0".into(), json!({ "type": "string" }));
        for level in 1..=levels {
            let below = json!({ "$ref": format!("#/$defs/s{}", level - 1) });
            defs.insert(format!("s{level}"), json!({ keyword: [below, below] }));
        }
        json!({ "$ref": format!("#/$defs/s{levels}"), "$defs": defs })
    };
    let nested = |levels: usize, wrap: &dyn Fn(Value) -> Value| {
        (0..levels).fold(json!({ "type": "string" }), |inner, _| wrap(inner))
    };
    let wide = |count: usize| {
        let properties: serde_json::Map<_, _> =
            (0..count).map(|n| (format!("p{n}"), json!({ "type": "string" }))).collect();
        json!({ "properties": properties })
    };
    let fan = json!({ "$ref": "#/$defs/n", "$defs": { "n": {
        "anyOf": [{ "properties": { "c": { "$ref": "#/$defs/n" } }, "required": ["x"] }, { "properties": { "c": { "$ref": "#/$defs/n" } }, "required": ["y"] },
                  { "properties": { "c": { "$ref": "#/$defs/n" } }, "required": ["z"] }] } } });
    let bombs: Vec<(&str, Value)> = vec![
        ("self", json!({ "$ref": "#" })),
        (
            "pair",
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } } }),
        ),
        ("allOf cycle", json!({ "allOf": [{ "anyOf": [{ "$ref": "#" }] }] })),
        ("not cycle", json!({ "not": { "$ref": "#" } })),
        ("if cycle", json!({ "if": { "$ref": "#" }, "then": {} })),
        ("dependent cycle", json!({ "dependentSchemas": { "a": { "$ref": "#" } } })),
        ("anchor cycle", json!({ "$anchor": "me", "allOf": [{ "$ref": "#me" }] })),
        ("doubling anyOf", doubling(20, "anyOf")),
        ("doubling oneOf", doubling(20, "oneOf")),
        ("doubling allOf", doubling(20, "allOf")),
        ("recursive fan", fan.clone()),
        ("deep not", nested(500, &|inner| json!({ "not": inner }))),
        ("deep properties", nested(200, &|inner| json!({ "properties": { "a": inner } }))),
        ("deep items", nested(200, &|inner| json!({ "items": inner }))),
        ("10k parts", wide(10_000)),
        ("10k allOf", json!({ "allOf": (0..10_000).map(|_| json!({ "minLength": 1 })).collect::<Vec<_>>() })),
        ("backtracking", json!({ "type": "string", "pattern": "^(a+)+$" })),
        ("nested repeats", json!({ "type": "string", "pattern": "((a{0,100}){0,100}){0,100}" })),
        ("look-around", json!({ "type": "string", "pattern": "^(?=.*a)(?!b)\\1" })),
        (
            "many patterns",
            json!({ "allOf": (0..500).map(|n| json!({ "pattern": format!("a{n}") })).collect::<Vec<_>>() }),
        ),
        ("long pattern", json!({ "pattern": "a".repeat(5000) })),
        ("unique", json!({ "type": "array", "uniqueItems": true })),
    ];
    let deep = (0..60).fold(json!({}), |inner, _| json!({ "c": inner, "a": 1 }));
    let many: Vec<_> = (0..20_000).collect();
    let values = [json!("a".repeat(50_000) + "!"), deep, json!(many), json!({ "p1": 5 })];
    for (name, schema) in &bombs {
        let started = Instant::now();
        let compiled = compile(schema);
        let carried = read(schema);
        assert!(compiled.is_ok() || !carried.problems.is_empty(), "{name}");
        for compiled in compiled.iter().chain(&carried.schema) {
            for value in &values {
                let _checked = compiled.validate(value);
            }
        }
        let took = started.elapsed();
        println!("{name}: {} in {took:?}", compiled.as_ref().map_or_else(ToString::to_string, |_| "usable".into()));
        assert!(took < Duration::from_secs(2), "{name} took {took:?} without optimisation");
    }
    for cyclic in &bombs[..7] {
        assert_eq!(refused(&cyclic.1), SchemaError::Cycle, "{}", cyclic.0);
    }
    for doubled in &bombs[7..10] {
        assert_eq!(refused(&doubled.1), SchemaError::TooComplex, "{}", doubled.0);
    }
    let fan = compile(&fan).unwrap();
    let deep = (0..40).fold(json!({}), |inner, _| json!({ "c": inner }));
    assert_eq!(fan.validate(&deep).unwrap_err()[0].keyword, "limit");
    assert!(fan.validate(&json!({ "x": 1, "c": { "y": 1 } })).is_ok());
}

#[test]
fn recursive_schemas_that_go_deeper_are_fine() {
    let tree = json!({
        "type": "object", "properties": { "name": { "type": "string" }, "children": { "type": "array", "items": { "$ref": "#" } } },
        "required": ["name"],
    });
    let compiled = compile(&tree).unwrap();
    let value = (0..50).fold(json!({ "name": "leaf" }), |inner, _| json!({ "name": "n", "children": [inner] }));
    assert_eq!(compiled.validate(&value), Ok(()));
    let bad = json!({ "name": "n", "children": [{ "name": 5 }] });
    assert_eq!(compiled.validate(&bad).unwrap_err()[0].path, "/children/0/name");
    let large: Vec<_> = (0..5_000).map(|_| json!({ "name": "leaf" })).collect();
    assert_eq!(compiled.validate(&json!({ "name": "n", "children": large })), Ok(()));
}

#[test]
fn patterns_are_not_run_over_very_long_text() {
    let compiled = compile(&json!({ "type": "string", "pattern": "^a*$" })).unwrap();
    assert_eq!(compiled.validate(&json!("a".repeat(1000))), Ok(()));
    assert_eq!(compiled.validate(&json!("a".repeat(2 << 20))).unwrap_err()[0].keyword, "limit");
}

/// Agents often send numbers as strings. The error names the property and both types, also where the type is one of several.
#[test]
fn a_number_sent_as_a_string_is_named_with_both_types() {
    let schema = json!({ "type": "object", "properties": {
        "n": { "type": "integer" }, "x": { "type": "number" }, "b": { "type": "boolean" },
        "o": { "anyOf": [{ "type": "integer" }, { "type": "null" }] }, "m": { "type": ["integer", "null"] },
        "deep": { "type": "object", "properties": { "list": { "type": "array", "items": { "type": "integer" } } } },
    } });
    for (value, found) in [
        (json!({ "n": "5" }), "/n is of type string, and has to be of type integer"),
        (json!({ "x": "0.5" }), "/x is of type string, and has to be of type number"),
        (json!({ "b": "true" }), "/b is of type string, and has to be of type boolean"),
        (json!({ "o": "5" }), "/o is of type string, and has to be of type integer or null"),
        (json!({ "m": "5" }), "/m is of type string, and has to be of type null or integer"),
        (json!({ "deep": { "list": [1, "2"] } }), "/deep/list/1 is of type string, and has to be of type integer"),
        (json!({ "n": 5.5 }), "/n is of type number, and has to be of type integer"),
    ] {
        assert_eq!(messages(&schema, &value), [found], "{value}");
    }
}

/// A part of a secret would no longer be found when a person sees the value.
#[test]
fn a_value_is_named_whole_or_by_its_size() {
    let long = "s".repeat(2000);
    for (value, expected) in [
        (json!("short"), r#""short""#.to_owned()),
        (json!("x".repeat(600)), format!(r#""{}""#, "x".repeat(600))),
        (json!(long), "a value of 2002 bytes".to_owned()),
    ] {
        assert_eq!(UncheckedPart::new("/a", Some(&value), "reason").value, expected);
    }
    let violation = messages(&json!({ "const": long }), &json!(1)).concat();
    assert!(violation.contains("2002 bytes") && !violation.contains("sss"), "{violation}");
}
