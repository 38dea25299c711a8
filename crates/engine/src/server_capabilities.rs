//! The capabilities of a server that agents learn.
//!
//! Invariant: they are made of the protocol's names, of `true` and of `false`. A text of a server, such as an own name or a
//! member of an experimental capability, would pass the handshake without the output filter and without a label.

use bytes::Bytes;
use serde_json::{Map, Value, json};

/// The capabilities that are passed on. A flag stands for a flag of the server, an object for an object.
fn protocol() -> Value {
    json!({
        "tools": { "listChanged": true },
        "resources": { "listChanged": true, "subscribe": true },
        "prompts": { "listChanged": true },
        "completions": {},
        "logging": {},
        "tasks": { "list": {}, "cancel": {}, "requests": { "tools": { "call": {} } } },
        "extensions": { "io.modelcontextprotocol/tasks": {} },
    })
}

/// Returns the members of raw `capabilities` that the protocol defines.
pub(crate) fn known(raw: &[u8]) -> Bytes {
    let given = serde_json::from_slice(raw).unwrap_or_default();
    keep(&given, &protocol()).map_or(Bytes::from_static(b"{}"), |kept| Bytes::from(kept.to_string()))
}

fn keep(given: &Value, known: &Value) -> Option<Value> {
    match (given, known) {
        (Value::Bool(flag), Value::Bool(_)) => Some(Value::Bool(*flag)),
        (Value::Object(given), Value::Object(known)) => {
            let kept = known.iter().filter_map(|(name, inner)| Some((name.clone(), keep(given.get(name)?, inner)?)));
            Some(Value::Object(kept.collect::<Map<_, _>>()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_67_only_names_and_flags_of_the_protocol_are_passed_on() {
        let text = "SECRET\u{202e}";
        for name in ["tools", "resources", "prompts", "completions", "logging", "tasks", "extensions", "experimental"] {
            for value in
                [json!(text), json!([text]), json!({ text: true }), json!({ "listChanged": text, "x": { "k": text } })]
            {
                let kept = known(json!({ name: value, text: {} }).to_string().as_bytes());
                let kept: Value = serde_json::from_slice(&kept).unwrap();
                assert!(kept == json!({}) || kept == json!({ name: {} }), "{kept}");
            }
        }
        let deep = json!({
            "tasks": { "cancel": { "x": text }, "requests": { text: {}, "tools": { "call": { "x": text }, text: {} } } },
            "extensions": { "io.modelcontextprotocol/tasks": { "x": text }, text: {} },
        });
        let kept: Value = serde_json::from_slice(&known(deep.to_string().as_bytes())).unwrap();
        let expected = json!({
            "tasks": { "cancel": {}, "requests": { "tools": { "call": {} } } },
            "extensions": { "io.modelcontextprotocol/tasks": {} },
        });
        assert_eq!(kept, expected);
        for raw in [&b"[]"[..], b"\"SECRET\"", b"null", b"not json", b""] {
            assert_eq!(known(raw), "{}");
        }
    }

    #[test]
    fn what_the_protocol_defines_stays() {
        let all = protocol().to_string();
        let kept: Value = serde_json::from_slice(&known(all.as_bytes())).unwrap();
        assert_eq!(kept, protocol());
        let no = br#"{"tools":{"listChanged":false}}"#;
        assert_eq!(known(no), &no[..]);
    }
}
