//! Members that a client sends as `null` where the protocol has no null.
//!
//! Some clients write every member that their types know. Such a member is dropped before anything is read, decided or hashed, so
//! the form with and the form without it are the same request. Arguments of a tool are not touched: `null` may be a value there.

use briefcase_json::raw::{RawObject, may_have, object};
use bytes::Bytes;

const NULL: &str = "null";
/// The members of `params` whose own members are the protocol's as well.
const NESTED: [&str; 3] = ["_meta", "capabilities", "clientInfo"];

/// The members that continue a suspended call. What they say is acted on, so they are read strictly.
const STRICT: [&str; 2] = ["inputResponses", "requestState"];

/// Returns `params` without the members that are `null`.
pub(crate) fn dropped(params: Bytes) -> Bytes {
    if !may_have(&params, NULL) {
        return params;
    }
    let Some(members) = RawObject::from_slice(&params) else { return params };
    let cleaned: Vec<(&str, Option<String>)> = members
        .iter()
        .filter_map(|(name, raw)| match raw {
            NULL if !STRICT.contains(&name) => Some((name, None)),
            _ if NESTED.contains(&name) => Some((name, Some(nested(raw)?))),
            _ => None,
        })
        .collect();
    if cleaned.is_empty() {
        return params;
    }
    let changes: Vec<_> = cleaned.iter().map(|(name, value)| (*name, value.as_deref())).collect();
    members.with(&changes).into()
}

/// An object without its null members. Returns `None` for an object without any, and for another value.
fn nested(raw: &str) -> Option<String> {
    let members = RawObject::parse(raw)?;
    let has_null = members.iter().any(|(_, value)| value == NULL);
    has_null.then(|| object(members.iter().filter(|(_, value)| *value != NULL)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocol_members_are_dropped_and_arguments_are_not() {
        for (given, wanted) in [
            (r#"{"name":"t","arguments":null,"_meta":null,"task":null}"#, r#"{"name":"t"}"#),
            (r#"{"cursor":null}"#, "{}"),
            (r#"{"n\u0061me":"t","curs\u006fr":null}"#, r#"{"name":"t"}"#),
            (r#"{"name":"t","arguments":{"a":null,"b":[null]}}"#, r#"{"name":"t","arguments":{"a":null,"b":[null]}}"#),
            (r#"{"_meta":{"progressToken":null,"x":1}}"#, r#"{"_meta":{"x":1}}"#),
            (
                r#"{"protocolVersion":"1","capabilities":{"roots":null},"clientInfo":{"name":"n","title":null}}"#,
                r#"{"protocolVersion":"1","capabilities":{},"clientInfo":{"name":"n"}}"#,
            ),
            (r#"{"protocolVersion":"1","capabilities":null,"clientInfo":null}"#, r#"{"protocolVersion":"1"}"#),
            (r#"{"inputResponses":null,"cursor":null}"#, r#"{"inputResponses":null}"#),
            (r#"{"uri":"file:///null"}"#, r#"{"uri":"file:///null"}"#),
        ] {
            assert_eq!(dropped(given.into()), wanted, "{given}");
        }
    }
}
