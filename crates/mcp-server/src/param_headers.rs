//! Verifies arguments that a tool's schema mirrors into headers (`x-mcp-header`).
//!
//! Invariant: the headers equal the arguments in the body. Otherwise a proxy on the way may have decided about another
//! call than the one that runs.

use briefcase_json::raw::{self, RawObject};
use briefcase_mcp::{HeaderMismatch, ParamHeaders};
use serde_json::{Value, value::RawValue};

/// The schema member that names the header.
const MARK: &str = "x-mcp-header";

/// Verifies the headers against the arguments, by the schema of a definition.
pub(crate) fn check(definition: &[u8], arguments: &str, headers: &ParamHeaders) -> Result<(), HeaderMismatch> {
    if !raw::may_have(definition, MARK) {
        return Ok(());
    }
    let Ok(definition) = serde_json::from_slice::<Value>(definition) else { return Ok(()) };
    let mut declared = Vec::new();
    if let Some(schema) = definition.get("inputSchema") {
        collect(schema, Some(arguments), &mut declared);
    }
    let values = declared.into_iter().map(|(name, raw)| (name, raw.and_then(|raw| serde_json::from_str(raw).ok())));
    let values: Vec<(String, Option<&RawValue>)> = values.collect();
    headers.check(values.iter().map(|(name, raw)| (name.as_str(), *raw)))
}

/// Collects declared headers. A declaration counts only at the end of a chain of `properties`.
fn collect<'a>(schema: &Value, instance: Option<&'a str>, declared: &mut Vec<(String, Option<&'a str>)>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let members = instance.and_then(RawObject::parse);
    for (name, property) in properties {
        let value = members.as_ref().and_then(|members| members.get(name));
        if let Some(header) = property.get(MARK).and_then(Value::as_str) {
            declared.push((header.to_owned(), value));
        }
        collect(property, value, declared);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOL: &[u8] = br#"{"name":"t","inputSchema":{"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"},
        "n":{"type":"object","properties":{"count":{"type":"integer","x-mcp-header":"Count"}}},
        "list":{"type":"array","items":{"type":"object","properties":{"no":{"type":"string","x-mcp-header":"No"}}}}}}}"#;

    fn checked(arguments: &str, headers: &str) -> Result<(), HeaderMismatch> {
        check(TOOL, arguments, &ParamHeaders::from_json(headers.as_bytes()).unwrap())
    }

    #[test]
    fn headers_must_equal_the_arguments() {
        let arguments = r#"{"region":"eu","n":{"count":42},"list":[{"no":"x"}]}"#;
        assert!(checked(arguments, r#"{"region":"eu","count":"42.0","other":"y"}"#).is_ok());
        assert!(checked(arguments, r#"{"region":"=?base64?ZXU=?=","count":"42"}"#).is_ok());
        assert!(checked("{}", "{}").is_ok());
        assert!(checked(r#"{"region":null}"#, "{}").is_ok());
        for wrong in [
            r#"{"region":"us","count":"42"}"#,
            r#"{"region":"eu"}"#,
            r#"{"region":"=?base64?ZXU?=","count":"42"}"#,
            "{}",
        ] {
            assert!(checked(arguments, wrong).is_err(), "{wrong}");
        }
        assert!(checked("{}", r#"{"region":"eu"}"#).is_err());
        assert!(check(br#"{"inputSchema":{}}"#, "{}", &ParamHeaders::from_json(br#"{"x":"y"}"#).unwrap()).is_ok());
    }
}
