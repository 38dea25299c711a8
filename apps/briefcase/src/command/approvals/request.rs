//! An approval request as text.
//!
//! Invariant: everything that will run is shown in full. The arguments are the canonical text that the digest covers, with
//! deceptive characters made visible.

use briefcase_types::{ApprovalRequest, UnixMillis};

use crate::{
    output::{TextOutput, Tone, span},
    time_format,
};

/// The whole request.
pub fn output(request: &ApprovalRequest, now: UnixMillis) -> TextOutput {
    let mut output = TextOutput::new();
    output.line([
        span(request.agent.as_str(), Tone::Strong),
        " wants ".into(),
        span(format!("{}/{}", request.server, request.name), Tone::Strong),
    ]);
    if let Some(own_name) = &request.own_name {
        output.field("server's name", span(own_name, Tone::Strong));
    }
    if request.operation != "call_tool" {
        output.field("operation", request.operation.as_str());
    }
    let risk = match request.risk.as_str() {
        "low" => Tone::Good,
        "medium" => Tone::Warn,
        _ => Tone::Bad,
    };
    output.field("access, risk", span(format!("{}, {}", request.class, request.risk), risk));
    if let Some(cost) = &request.cost {
        output.field("costs", span(cost, Tone::Warn));
    }
    if !request.labels.is_empty() {
        output.field("tainted by", span(request.labels.join(", "), Tone::Warn));
    }
    if !request.policies.is_empty() {
        output.field("required by", request.policies.join(", "));
    }
    output.field("expires", time_format::relative(request.expires, now));
    output.line([span("  arguments:", Tone::Dim)]);
    output.append(arguments(&request.arguments));
    if let Some(beside) = &request.beside {
        output.line([span("  sent beside the arguments:", Tone::Dim)]);
        output.append(arguments(beside));
    }
    output.field("id", request.id.to_string());
    output.field("digest", span(request.digest.to_string(), Tone::Dim));
    output
}

/// One line per top-level argument where that loses nothing, else the canonical text itself.
fn arguments(text: &str) -> TextOutput {
    let mut output = TextOutput::new();
    match members_of(text) {
        Some(members) if !members.is_empty() => {
            for (name, value) in members {
                output.line(["    ".into(), span(name, Tone::Name), ": ".into(), span(value, Tone::Strong)]);
            }
        }
        _ => {
            output.line(["    ".into(), span(text, Tone::Strong)]);
        }
    }
    output
}

/// The members of an object as raw JSON, if they join again to exactly the text.
fn members_of(text: &str) -> Option<Vec<(String, String)>> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    if briefcase_json::canonical(&value) != text.as_bytes() {
        return None;
    }
    let shown = |value: &serde_json::Value| String::from_utf8(briefcase_json::canonical(value)).ok();
    let key = |name: &String| serde_json::to_string(name).ok();
    value.as_object()?.iter().map(|(name, value)| Some((key(name)?, shown(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use briefcase_types::Digest;

    use super::*;

    pub fn request(arguments: &str) -> ApprovalRequest {
        ApprovalRequest {
            id: "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            agent: "codex".parse().unwrap(),
            session: "AAAAAAAAAAAAAAAAAAAAAQ".parse().unwrap(),
            server: "files".parse().unwrap(),
            operation: "call_tool".into(),
            name: "write_file".into(),
            own_name: None,
            pin: Digest::sha256(b"pin"),
            arguments: arguments.into(),
            beside: None,
            cost: Some("0.01 USD".into()),
            class: "write".into(),
            risk: "high".into(),
            labels: vec!["untrusted_content".into()],
            policies: vec!["other-calls-ask".into()],
            authority_version: 3,
            once_only: false,
            asked: UnixMillis(0),
            expires: UnixMillis(300_000),
            digest: Digest::sha256(b"question"),
        }
    }

    #[test]
    fn a_request_is_shown_whole() {
        let asked = request(r#"{"content":"line one\nline two","path":"/home/me/report.md"}"#);
        insta::assert_snapshot!(output(&asked, UnixMillis(0)).render(false));
    }

    #[test]
    fn members_beside_the_arguments_are_shown() {
        let beside = r#"{"_meta":{"baggage":"private text"},"task":{"ttl":60000}}"#.to_owned();
        let asked = ApprovalRequest { beside: Some(beside), ..request("{}") };
        let text = output(&asked, UnixMillis(0)).render(false);
        assert!(text.contains("sent beside the arguments") && text.contains("private text"), "{text}");
        assert!(text.contains(r#""task": {"ttl":60000}"#), "{text}");
    }

    #[test]
    fn nothing_hides_in_arguments() {
        let hostile = "{\"path\":\"/tmp/\u{202e}gnp.exe\u{200b}\"}";
        let text = output(&request(hostile), UnixMillis(0)).render(true);
        assert!(text.contains("/tmp/\\u{202e}gnp.exe\\u{200b}"), "{text}");
    }

    #[test]
    fn a_text_that_is_not_canonical_is_shown_as_it_is() {
        for odd in [r#"{"a":1,"a":2}"#, r#"{"b":1, "a":2}"#, "not json", r"{}"] {
            let text = arguments(odd).render(false);
            assert_eq!(text, format!("    {odd}\n"));
        }
    }
}
