//! The schemas of one definition: what of them is checked, and what is not.

use briefcase_schema::{self as schema, Schema, UncheckedPart};
use serde_json::{Value, json};

/// The checks of a tool's arguments and results.
#[derive(Debug)]
pub struct Schemas {
    /// The check of the arguments; `None` when no part of the schema can be checked. Such a tool always asks.
    pub input: Option<Schema>,
    /// The check of the structured results, if the definition has one that can be checked.
    pub output: Option<Schema>,
    /// The parts that are not checked.
    pub problems: Vec<UncheckedPart>,
}

impl Schemas {
    /// Reads both schemas of a definition. A problem of the output schema does not affect the input schema.
    #[must_use]
    pub fn of(definition: &Value) -> Self {
        let mut problems = Vec::new();
        let input = input(definition.get("inputSchema"), &mut problems);
        let output = definition.get("outputSchema").filter(|schema| !schema.is_null()).and_then(|output| {
            let read = schema::read(output);
            problems.extend(read.problems.into_iter().map(|problem| problem.below("/outputSchema")));
            read.schema
        });
        Self { input, output, problems }
    }
}

/// Returns whether some part of a definition's input schema can be checked. Faster than [`Schemas::of`].
#[must_use]
pub fn is_checkable(definition: &Value) -> bool {
    match definition.get("inputSchema") {
        Some(Value::Bool(all)) => *all,
        Some(input @ Value::Object(_)) => excludes_objects(input).is_none() && schema::is_checkable(input),
        _ => false,
    }
}

fn input(input: Option<&Value>, problems: &mut Vec<UncheckedPart>) -> Option<Schema> {
    let mut unchecked = |path: &str, value: Option<&Value>, reason: &str| {
        problems.push(UncheckedPart::new(path, value, reason));
        None
    };
    let input = match input {
        None | Some(Value::Null) => {
            return unchecked("/inputSchema", input, "the tool has no input schema, so any arguments are possible");
        }
        Some(Value::Bool(true)) => json!({}),
        Some(object @ Value::Object(_)) => object.clone(),
        Some(_) => return unchecked("/inputSchema", input, "an input schema is an object"),
    };
    if let Some(kind) = excludes_objects(&input) {
        return unchecked("/inputSchema/type", Some(kind), "arguments are always an object, which this type excludes");
    }
    let read = schema::read(&input);
    problems.extend(read.problems.into_iter().map(|problem| problem.below("/inputSchema")));
    read.schema
}

/// The type of a schema that no object fits.
fn excludes_objects(schema: &Value) -> Option<&Value> {
    let kind = schema.get("type")?;
    let other =
        |name: &Value| matches!(name.as_str(), Some("array" | "boolean" | "integer" | "null" | "number" | "string"));
    let excludes = match kind {
        Value::Array(names) => !names.is_empty() && names.iter().all(other),
        one => other(one),
    };
    excludes.then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_schema_that_cannot_be_checked_is_named_with_place_and_value() {
        let cases = [
            (json!({}), "/inputSchema", ""),
            (json!({ "inputSchema": null }), "/inputSchema", "null"),
            (json!({ "inputSchema": [] }), "/inputSchema", "[]"),
            (json!({ "inputSchema": false }), "/inputSchema", "false"),
            (json!({ "inputSchema": "object" }), "/inputSchema", "\"object\""),
            (json!({ "inputSchema": { "type": "string" } }), "/inputSchema/type", "\"string\""),
            (json!({ "inputSchema": { "type": ["null", "array"] } }), "/inputSchema/type", "[\"null\",\"array\"]"),
            (json!({ "inputSchema": { "$schema": "urn:own" } }), "/inputSchema/$schema", "\"urn:own\""),
        ];
        for (definition, path, value) in cases {
            let schemas = Schemas::of(&definition);
            assert!(schemas.input.is_none() && !is_checkable(&definition), "{definition}");
            assert_eq!((schemas.problems[0].path.as_str(), schemas.problems[0].value.as_str()), (path, value));
        }
        for checked in [json!({}), json!(true), json!({ "type": ["object", "null"] }), json!({ "type": "Object" })] {
            let definition = json!({ "inputSchema": checked });
            assert!(Schemas::of(&definition).input.is_some() && is_checkable(&definition), "{definition}");
        }
    }

    #[test]
    fn an_output_schema_never_costs_the_tool() {
        for output in [
            json!(null),
            json!(5),
            json!([]),
            json!({ "$ref": "#/none" }),
            json!({ "type": "int" }),
            json!({ "allOf": [{ "$ref": "#" }] }),
        ] {
            let definition = json!({ "inputSchema": { "type": "object" }, "outputSchema": output });
            let schemas = Schemas::of(&definition);
            assert!(schemas.input.is_some(), "{definition}");
            assert!(schemas.problems.iter().all(|problem| problem.path.starts_with("/outputSchema")));
            assert_eq!(schemas.problems.is_empty(), output.is_null(), "{definition}");
        }
    }
}
