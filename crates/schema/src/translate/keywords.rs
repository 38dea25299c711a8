//! The keywords of all dialects: the form in which each is checked.

use briefcase_json::pointer;
use serde_json::{Map, Value, json};

use super::{Output, SchemaError, Translation};
use crate::bounds::{PATTERN_LENGTH_MAX, PATTERNS_MAX};

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

impl<'a> Translation<'a> {
    /// Translates one keyword. Keywords that do not constrain a value are left out.
    pub(super) fn keyword(
        &mut self,
        place: &str,
        members: &'a Map<String, Value>,
        name: &'a str,
        value: &'a Value,
        depth: usize,
        out: &mut Output,
    ) -> Result<(), SchemaError> {
        // Generators write `null` where a member is absent. Only `const` may be null.
        if value.is_null() && name != "const" {
            if name == "type" {
                self.left_out(place, name, value, "a type is a text", out);
            }
            return Ok(());
        }
        match name {
            "const" => out.set(name, value.clone()),
            "type" => self.types(place, value, out),
            "enum" => self.checked(place, name, value, value.is_array(), out),
            "required" => self.required(place, value, out),
            "minimum" | "maximum" => self.limit(place, members, name, value, out),
            "exclusiveMinimum" | "exclusiveMaximum" if value.is_boolean() => {}
            "exclusiveMinimum" | "exclusiveMaximum" => self.checked(place, name, value, value.is_number(), out),
            "multipleOf" => {
                let positive = value.is_number() && !value.to_string().starts_with('-') && value.as_f64() != Some(0.0);
                self.checked(place, name, value, positive, out);
            }
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" | "minContains"
            | "maxContains" => self.checked(place, name, value, is_count(value), out),
            "uniqueItems" => self.checked(place, name, value, value.is_boolean(), out),
            "pattern" => self.pattern(place, value, out),
            "properties" => self.map(place, "properties", value, depth, out)?,
            "patternProperties" => self.pattern_properties(place, value, depth, out)?,
            "dependentSchemas" => self.map(place, "dependentSchemas", value, depth, out)?,
            "dependentRequired" => {
                let lists = value.as_object().is_some_and(|all| all.values().all(is_names));
                self.checked(place, name, value, lists, out);
            }
            "dependencies" => self.dependencies(place, value, depth, out)?,
            "allOf" => self.list(place, "allOf", value, depth, out)?,
            "anyOf" => self.list(place, "anyOf", value, depth, out)?,
            "oneOf" => self.list(place, "oneOf", value, depth, out)?,
            "items" if value.is_array() => self.items(place, members, value, depth, out)?,
            "prefixItems" if !members.get("items").is_some_and(Value::is_array) => {
                self.list(place, "prefixItems", value, depth, out)?;
            }
            "not" => self.one(place, "not", value, depth, out)?,
            "if" => self.one(place, "if", value, depth, out)?,
            "then" => self.one(place, "then", value, depth, out)?,
            "else" => self.one(place, "else", value, depth, out)?,
            "items" => self.one(place, "items", value, depth, out)?,
            "contains" => self.one(place, "contains", value, depth, out)?,
            "propertyNames" => self.one(place, "propertyNames", value, depth, out)?,
            "additionalProperties" => self.one(place, "additionalProperties", value, depth, out)?,
            "unevaluatedProperties" => self.one(place, "unevaluatedProperties", value, depth, out)?,
            "unevaluatedItems" => self.one(place, "unevaluatedItems", value, depth, out)?,
            _ => {}
        }
        Ok(())
    }

    /// Keeps a keyword with a usable value, and leaves another one out.
    fn checked(&mut self, place: &str, name: &str, value: &Value, usable: bool, out: &mut Output) {
        if usable {
            out.set(name, value.clone());
        } else {
            self.left_out(place, name, value, "this keyword has no such value in any dialect", out);
        }
    }

    fn left_out(&mut self, place: &str, name: &str, value: &Value, reason: &str, out: &mut Output) {
        self.problem(&format!("{place}/{name}"), Some(value), reason);
        out.depends = true;
    }

    fn types(&mut self, place: &str, value: &Value, out: &mut Output) {
        let known = |name: &Value| name.as_str().is_some_and(|name| TYPES.contains(&name));
        match value {
            // Draft 3 calls every value `any`.
            Value::String(any) if any == "any" => {}
            Value::String(_) if known(value) => out.set("type", value.clone()),
            Value::Array(names) if !names.is_empty() && names.iter().all(known) => {
                out.set("type", distinct(names));
            }
            _ => self.left_out(place, "type", value, "it names a type that JSON Schema does not have", out),
        }
    }

    fn required(&mut self, place: &str, value: &Value, out: &mut Output) {
        match value {
            Value::Array(names) if names.iter().all(Value::is_string) => {
                out.set("required", distinct(names));
            }
            // Draft 3: the property that has it is required, which its parent would check.
            _ => self.left_out(place, "required", value, "it is not a list of names", out),
        }
    }

    /// Draft 4 writes `"minimum": 0, "exclusiveMinimum": true` for `"exclusiveMinimum": 0`.
    fn limit(&mut self, place: &str, members: &Map<String, Value>, name: &str, value: &Value, out: &mut Output) {
        let exclusive = if name == "minimum" { "exclusiveMinimum" } else { "exclusiveMaximum" };
        if members.get(exclusive) == Some(&Value::Bool(true)) && value.is_number() {
            out.set(exclusive, value.clone());
        } else {
            self.checked(place, name, value, value.is_number(), out);
        }
    }

    fn pattern(&mut self, place: &str, value: &Value, out: &mut Output) {
        match value.as_str().map(|pattern| self.runs(pattern)) {
            Some(Ok(())) => out.set("pattern", value.clone()),
            Some(Err(reason)) => self.left_out(place, "pattern", value, reason, out),
            None => self.left_out(place, "pattern", value, "a pattern is a text", out),
        }
    }

    /// Whether a pattern runs on an engine without backtracking, within the limits.
    fn runs(&mut self, pattern: &str) -> Result<(), &'static str> {
        self.patterns = self.patterns.saturating_add(1);
        if self.patterns > PATTERNS_MAX {
            return Err("the schema has more than 64 patterns");
        }
        if pattern.len() > PATTERN_LENGTH_MAX {
            return Err("the pattern is longer than 1,024 characters");
        }
        let reason = "the pattern needs look-around or back-references, is too large, or is not a pattern";
        crate::options().build(&json!({ "pattern": pattern })).map(drop).map_err(|_| reason)
    }

    fn pattern_properties(
        &mut self,
        place: &str,
        value: &'a Value,
        depth: usize,
        out: &mut Output,
    ) -> Result<(), SchemaError> {
        let Some(entries) = value.as_object() else {
            out.open_names = true;
            self.left_out(place, "patternProperties", value, "it is not an object of schemas", out);
            return Ok(());
        };
        let mut kept = Map::new();
        for (pattern, schema) in entries {
            let here = format!("{place}/patternProperties/{}", pointer::token(pattern));
            if let Err(reason) = self.runs(pattern) {
                self.problem(&here, Some(schema), reason);
                out.depends = true;
                out.open_names = true;
                continue;
            }
            let part = self.part(&here, schema, depth)?;
            out.note("patternProperties", &part);
            kept.insert(pattern.clone(), part.schema);
        }
        out.set("patternProperties", Value::Object(kept));
        Ok(())
    }

    fn dependencies(
        &mut self,
        place: &str,
        value: &'a Value,
        depth: usize,
        out: &mut Output,
    ) -> Result<(), SchemaError> {
        let Some(entries) = value.as_object() else {
            self.left_out(place, "dependencies", value, "it is not an object", out);
            return Ok(());
        };
        for (name, needed) in entries {
            let here = format!("{place}/dependencies/{}", pointer::token(name));
            match needed {
                Value::Array(_) if is_names(needed) => {
                    out.add_all_of(json!({ "dependentRequired": { name.as_str(): needed } }));
                }
                // Draft 3 names a single member.
                Value::String(one) => out.add_all_of(json!({ "dependentRequired": { name.as_str(): [one] } })),
                schema => {
                    let part = self.part(&here, schema, depth)?;
                    out.note("dependencies", &part);
                    out.add_all_of(json!({ "dependentSchemas": { name.as_str(): part.schema } }));
                }
            }
        }
        Ok(())
    }

    /// A list of schemas by position: `prefixItems` since 2020-12, and `additionalItems` is then `items`.
    fn items(
        &mut self,
        place: &str,
        members: &'a Map<String, Value>,
        value: &'a Value,
        depth: usize,
        out: &mut Output,
    ) -> Result<(), SchemaError> {
        let mut parts = Vec::new();
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            let part = self.part(&format!("{place}/items/{index}"), item, depth)?;
            out.note("items", &part);
            parts.push(part.schema);
        }
        if !parts.is_empty() {
            out.set("prefixItems", Value::Array(parts));
        }
        if let Some(rest) = members.get("additionalItems").filter(|rest| !rest.is_null()) {
            let part = self.part(&format!("{place}/additionalItems"), rest, depth)?;
            out.note("items", &part);
            out.set("items", part.schema);
        }
        Ok(())
    }

    fn one(
        &mut self,
        place: &str,
        keyword: &'static str,
        value: &'a Value,
        depth: usize,
        out: &mut Output,
    ) -> Result<(), SchemaError> {
        let part = self.part(&format!("{place}/{keyword}"), value, depth)?;
        out.note(keyword, &part);
        out.set(keyword, part.schema);
        Ok(())
    }

    fn map(
        &mut self,
        place: &str,
        keyword: &'static str,
        value: &'a Value,
        depth: usize,
        out: &mut Output,
    ) -> Result<(), SchemaError> {
        let Some(entries) = value.as_object() else {
            out.open_names = keyword == "properties";
            self.left_out(place, keyword, value, "it is not an object of schemas", out);
            return Ok(());
        };
        let mut kept = Map::new();
        for (name, schema) in entries {
            let part = self.part(&format!("{place}/{keyword}/{}", pointer::token(name)), schema, depth)?;
            out.note(keyword, &part);
            kept.insert(name.clone(), part.schema);
        }
        out.set(keyword, Value::Object(kept));
        Ok(())
    }

    fn list(
        &mut self,
        place: &str,
        keyword: &'static str,
        value: &'a Value,
        depth: usize,
        out: &mut Output,
    ) -> Result<(), SchemaError> {
        let Some(entries) = value.as_array().filter(|entries| !entries.is_empty()) else {
            self.left_out(place, keyword, value, "it is not a list of schemas", out);
            return Ok(());
        };
        let mut parts = Vec::new();
        for (index, schema) in entries.iter().enumerate() {
            let part = self.part(&format!("{place}/{keyword}/{index}"), schema, depth)?;
            out.note(keyword, &part);
            parts.push(part.schema);
        }
        out.set(keyword, Value::Array(parts));
        Ok(())
    }
}

fn is_count(value: &Value) -> bool {
    value.as_u64().is_some() || value.to_string().strip_suffix(".0").is_some_and(|whole| whole.parse::<u64>().is_ok())
}

fn is_names(value: &Value) -> bool {
    value.as_array().is_some_and(|names| names.iter().all(Value::is_string))
}

/// The names without repetitions, in their order.
fn distinct(names: &[Value]) -> Value {
    let mut distinct: Vec<&Value> = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    json!(distinct)
}
