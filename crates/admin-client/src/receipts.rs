//! The query string of a receipt list.

use briefcase_api::ReceiptQuery;

/// The query string. Characters that have a meaning in an address are percent-encoded.
pub fn query(query: &ReceiptQuery) -> String {
    let number = |value: Option<u64>| value.map(|value| value.to_string());
    [
        ("before", number(query.before)),
        ("limit", number(query.limit.map(u64::from))),
        ("agent", query.agent.clone()),
        ("server", query.server.clone()),
        ("tool", query.tool.clone()),
        ("kind", query.kind.clone()),
        ("code", query.code.clone()),
        ("since", number(query.since.map(|since| since.0))),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| format!("{name}={}", encoded(&value))))
    .collect::<Vec<_>>()
    .join("&")
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_carries_only_the_given_members() {
        let some = ReceiptQuery { limit: Some(5), agent: Some("codex".into()), ..ReceiptQuery::default() };
        assert_eq!(query(&some), "limit=5&agent=codex");
        assert_eq!(query(&ReceiptQuery::default()), "");
    }

    #[test]
    fn no_value_adds_a_member() {
        let hostile = ReceiptQuery { code: Some("a&limit=9 é/".into()), ..ReceiptQuery::default() };
        assert_eq!(query(&hostile), "code=a%26limit%3D9%20%C3%A9%2F");
    }
}
