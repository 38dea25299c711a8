//! The URIs that a completion request carries.

use serde_json::{Map, Value};

/// The arguments whose value is a URI by their name.
const URI_NAMES: [&str; 3] = ["uri", "url", "resource"];

/// Returns the URIs in the `params` of `completion/complete`: the template, the template with the given values, and each
/// value that is a URI itself.
#[must_use]
pub fn of_completion(params: &Value) -> Vec<String> {
    let values = values(params);
    let mut uris = Vec::new();
    let reference = params.get("ref");
    let of_resource = reference.and_then(|named| named.get("type")).and_then(Value::as_str) == Some("ref/resource");
    if let Some(template) = reference.and_then(|named| named.get("uri")).and_then(Value::as_str) {
        uris.push(template.to_owned());
        uris.push(expand(template, &values));
    } else if of_resource {
        // Without a URI there is nothing to compare: the empty one is allowed only where every URI is.
        uris.push(String::new());
    }
    let is_uri = |name: &str, value: &str| {
        URI_NAMES.iter().any(|uri| name.eq_ignore_ascii_case(uri)) || value.contains("://") || value.contains(":/")
    };
    let carried = values.iter().filter(|(name, value)| is_uri(name, value.as_str().unwrap_or_default()));
    uris.extend(carried.filter_map(|(_, value)| value.as_str().map(str::to_owned)));
    uris.dedup();
    uris
}

/// The given values by name: the completed argument, and those that were chosen before.
fn values(params: &Value) -> Map<String, Value> {
    let chosen = params.get("context").and_then(|context| context.get("arguments")).and_then(Value::as_object);
    let mut values = chosen.cloned().unwrap_or_default();
    if let Some(argument) = params.get("argument")
        && let Some(name) = argument.get("name").and_then(Value::as_str)
    {
        values.insert(name.to_owned(), argument.get("value").cloned().unwrap_or_default());
    }
    values
}

/// The template with the values in place of its expressions (RFC 6570). Values are not percent-encoded: a decision reads
/// the decoded form in any case.
fn expand(template: &str, values: &Map<String, Value>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((expression, tail)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(&expression_text(expression, values));
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn expression_text(expression: &str, values: &Map<String, Value>) -> String {
    let operator = expression.chars().next().filter(|first| "+#./;?&".contains(*first));
    let names = expression.trim_start_matches(['+', '#', '.', '/', ';', '?', '&']);
    let value = |name: &str| values.get(name).and_then(Value::as_str).unwrap_or_default();
    let bare = |name: &str| name.split(':').next().unwrap_or_default().trim_end_matches('*').trim().to_owned();
    let (first, separator, named) = match operator {
        None | Some('+') => ("", ",", false),
        Some('#') => ("#", ",", false),
        Some('.') => (".", ".", false),
        Some('/') => ("/", "/", false),
        Some(';') => (";", ";", true),
        Some('?') => ("?", "&", true),
        Some(_) => ("&", "&", true),
    };
    let parts: Vec<String> = names
        .split(',')
        .map(bare)
        .filter(|name| values.contains_key(name))
        .map(|name| if named { format!("{name}={}", value(&name)) } else { value(&name).to_owned() })
        .collect();
    if parts.is_empty() { String::new() } else { format!("{first}{}", parts.join(separator)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_completion_carries_its_template_its_expansion_and_values_that_are_uris() {
        let argument = |name: &str, value: &str| json!({ "name": name, "value": value });
        for (params, wanted) in [
            (json!({ "ref": { "type": "ref/resource", "uri": "file:///secret" } }), vec!["file:///secret"]),
            (
                json!({ "ref": { "type": "ref/resource", "uri": "file:///{path}" }, "argument": argument("path", "secret") }),
                vec!["file:///{path}", "file:///secret"],
            ),
            (
                json!({
                    "ref": { "type": "ref/resource", "uri": "db://{+host}{/table*}{?q,w}" },
                    "argument": argument("table", "secret"),
                    "context": { "arguments": { "host": "h", "q": "1" } }
                }),
                vec!["db://{+host}{/table*}{?q,w}", "db://h/secret?q=1"],
            ),
            (
                json!({ "ref": { "type": "ref/prompt", "name": "p" }, "argument": argument("URI", "secret") }),
                vec!["secret"],
            ),
            (
                json!({ "ref": { "type": "ref/prompt", "name": "p" }, "argument": argument("to", "file:///secret") }),
                vec!["file:///secret"],
            ),
            (json!({ "ref": { "type": "ref/prompt", "name": "p" }, "argument": argument("to", "ratio: 1") }), vec![]),
            (json!({ "ref": { "type": "ref/resource" } }), vec![""]),
            (json!({ "ref": { "type": "ref/resource", "uri": "a{b" } }), vec!["a{b"]),
        ] {
            assert_eq!(of_completion(&params), wanted, "{params}");
        }
    }
}
