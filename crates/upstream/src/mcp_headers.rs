//! The headers that repeat parts of a modern request: `Mcp-Method`, `Mcp-Name`, and arguments that a tool's schema marks
//! with `x-mcp-header`.
//!
//! Invariant: a header is made from the same bytes that are sent as the body.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use briefcase_mcp::method;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
const KEYWORD: &str = "x-mcp-header";

/// An argument that is repeated in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParamHeader {
    header: HeaderName,
    path: Vec<String>,
}

/// The definition breaks the rules for `x-mcp-header`. Clients must not use the tool.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidParamHeader;

#[derive(Deserialize)]
struct NameMembers<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    uri: Option<&'a RawValue>,
    #[serde(borrow, rename = "taskId")]
    task: Option<&'a RawValue>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// The headers of a request.
pub(crate) fn headers(name: &str, params: &[u8], rules: &[ParamHeader]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(METHOD, encoded(name)?);
    let source = |named: &NameMembers<'_>| match name {
        method::TOOLS_CALL | method::PROMPTS_GET => named.name.map(|raw| raw.get().to_owned()),
        method::RESOURCES_READ => named.uri.map(|raw| raw.get().to_owned()),
        method::TASKS_GET | method::TASKS_UPDATE | method::TASKS_CANCEL => named.task.map(|raw| raw.get().to_owned()),
        _ => None,
    };
    let named: NameMembers<'_> = serde_json::from_slice(params).ok()?;
    if let Some(raw) = source(&named) {
        headers.insert(NAME, encoded(&serde_json::from_str::<String>(&raw).ok()?)?);
    }
    for rule in rules {
        if let Some(value) = named.arguments.and_then(|arguments| argument(arguments.get(), &rule.path)) {
            headers.insert(rule.header.clone(), encoded(&value)?);
        }
    }
    Some(headers)
}

/// The text of the argument at this path, if it is a string, boolean or integer.
fn argument(arguments: &str, path: &[String]) -> Option<String> {
    let Some((first, rest)) = path.split_first() else { return scalar(arguments) };
    let members: std::collections::HashMap<String, &RawValue> = serde_json::from_str(arguments).ok()?;
    argument(members.get(first)?.get(), rest)
}

fn scalar(raw: &str) -> Option<String> {
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str(raw).ok(),
        b't' | b'f' | b'-' | b'0'..=b'9' => Some(raw.to_owned()),
        _ => None,
    }
}

/// A header value. It is base64 where plain text would be ambiguous or unsafe.
fn encoded(text: &str) -> Option<HeaderValue> {
    let safe = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim() == text;
    let sentinel = text.starts_with("=?base64?") && text.ends_with("?=");
    if safe && !sentinel {
        return HeaderValue::from_str(text).ok();
    }
    HeaderValue::from_str(&format!("=?base64?{}?=", STANDARD.encode(text))).ok()
}

/// Reads the arguments that a tool's definition wants repeated in headers.
pub(crate) fn param_headers(definition: &[u8]) -> Result<Vec<ParamHeader>, InvalidParamHeader> {
    if memchr::memmem::find(definition, KEYWORD.as_bytes()).is_none() {
        return Ok(Vec::new());
    }
    let definition: Value = serde_json::from_slice(definition).map_err(|_| InvalidParamHeader)?;
    let mut found = Vec::new();
    if let Some(Value::Object(schema)) = definition.get("inputSchema") {
        collect(schema, Some(&mut Vec::new()), &mut found)?;
    }
    Ok(found)
}

/// Collects the `x-mcp-header` annotations of a schema. `path` is `None` where a parameter is not statically reachable.
fn collect(
    schema: &Map<String, Value>,
    path: Option<&mut Vec<String>>,
    found: &mut Vec<ParamHeader>,
) -> Result<(), InvalidParamHeader> {
    let mut path = path;
    if let Some(mark) = schema.get(KEYWORD) {
        let rule = rule(schema, mark, path.as_deref().map(Vec::as_slice))?;
        if found.iter().any(|other| other.header == rule.header) || found.len() >= 64 {
            return Err(InvalidParamHeader);
        }
        found.push(rule);
    }
    for (keyword, part) in schema {
        match (keyword.as_str(), part) {
            ("const" | "default" | "enum" | "examples", _) => {}
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    let Value::Object(property) = property else { continue };
                    match path.as_deref_mut() {
                        None => collect(property, None, found)?,
                        Some(path) => {
                            path.push(name.clone());
                            collect(property, Some(path), found)?;
                            path.pop();
                        }
                    }
                }
            }
            (_, Value::Object(part)) => collect(part, None, found)?,
            (_, Value::Array(parts)) => {
                parts.iter().filter_map(Value::as_object).try_for_each(|part| collect(part, None, found))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn rule(schema: &Map<String, Value>, mark: &Value, path: Option<&[String]>) -> Result<ParamHeader, InvalidParamHeader> {
    let primitive = matches!(schema.get("type").and_then(Value::as_str), Some("string" | "integer" | "boolean"));
    let (Some(name), Some(path), true) = (mark.as_str(), path, primitive) else { return Err(InvalidParamHeader) };
    if name.is_empty() || path.is_empty() {
        return Err(InvalidParamHeader);
    }
    let header = HeaderName::try_from(format!("mcp-param-{name}")).map_err(|_| InvalidParamHeader)?;
    Ok(ParamHeader { header, path: path.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_arguments_are_repeated_from_their_exact_path() {
        let definition = br#"{"name":"t","inputSchema":{"type":"object","properties":{
            "region":{"type":"string","x-mcp-header":"Region"},
            "deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},
            "off":{"type":"boolean","x-mcp-header":"Off"}}}}"#;
        let rules = param_headers(definition).unwrap();
        let params = br#"{"name":"t","arguments":{"region":" caf\u00e9","deep":{"n":42},"off":null}}"#;
        let headers = headers("tools/call", params, &rules).unwrap();
        assert_eq!(headers["mcp-method"], "tools/call");
        assert_eq!(headers["mcp-name"], "t");
        assert_eq!(headers["mcp-param-n"], "42");
        assert_eq!(headers["mcp-param-region"], "=?base64?IGNhZsOp?=");
        assert!(!headers.contains_key("mcp-param-off"), "null is not repeated");
    }

    #[test]
    fn definitions_that_break_the_rules_are_rejected() {
        let schema = |properties: &str| format!(r#"{{"inputSchema":{{"properties":{{{properties}}}}}}}"#);
        for bad in [
            schema(r#""a":{"type":"string","x-mcp-header":""}"#),
            schema(r#""a":{"type":"string","x-mcp-header":"a b"}"#),
            schema(r#""a":{"type":"string","x-mcp-header":"a\r\nb"}"#),
            schema(r#""a":{"type":"number","x-mcp-header":"A"}"#),
            schema(r#""a":{"type":"object","x-mcp-header":"A"}"#),
            schema(r#""a":{"x-mcp-header":"A"}"#),
            schema(r#""a":{"type":"string","x-mcp-header":7}"#),
            schema(r#""a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}"#),
            schema(r#""a":{"items":{"type":"string","x-mcp-header":"A"}}"#),
            schema(r#""a":{"anyOf":[{"type":"string","x-mcp-header":"A"}]}"#),
            r#"{"inputSchema":{"$defs":{"d":{"type":"string","x-mcp-header":"A"}}}}"#.to_owned(),
            r#"{"inputSchema":{"type":"string","x-mcp-header":"A"}}"#.to_owned(),
        ] {
            assert_eq!(param_headers(bad.as_bytes()), Err(InvalidParamHeader), "{bad}");
        }
        let data = schema(r#""a":{"type":"object","default":{"x-mcp-header":1}}"#);
        assert_eq!(param_headers(data.as_bytes()), Ok(Vec::new()), "data is not schema");
    }

    #[test]
    fn plain_text_that_looks_encoded_is_encoded() {
        assert_eq!(encoded("=?base64?literal?=").unwrap(), "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=");
        assert_eq!(encoded("us-west1").unwrap(), "us-west1");
        assert_eq!(encoded("line1\nline2").unwrap(), "=?base64?bGluZTEKbGluZTI=?=");
    }
}
