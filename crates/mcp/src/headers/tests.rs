use http::{HeaderMap, HeaderValue};
use serde_json::value::RawValue;

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn check(method: &str, params: &str, pairs: &[(&'static str, &str)]) -> Result<(), HeaderMismatch> {
    let raw = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let body = Envelope::parse(raw.into()).unwrap();
    check_headers(&headers(pairs), &body, &RequestParams::of(&body).unwrap())
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
const V: (&str, &str) = ("mcp-protocol-version", "2026-07-28");

#[test]
fn matching_headers_pass() {
    let call = format!(r#"{{"name":"wetter-é","arguments":{{}},{META}}}"#);
    check("tools/call", &call, &[V, ("mcp-method", "tools/call"), ("mcp-name", "=?base64?d2V0dGVyLcOp?=")]).unwrap();
    let plain = format!(r#"{{"name":"echo",{META}}}"#);
    check("tools/call", &plain, &[V, ("mcp-method", "tools/call"), ("mcp-name", "  echo  ")]).unwrap();
    check("tools/list", &format!("{{{META}}}"), &[V, ("mcp-method", "tools/list"), ("mcp-name", "x")]).unwrap();
    let read = format!(r#"{{"uri":"file:///a",{META}}}"#);
    check("resources/read", &read, &[V, ("mcp-method", "resources/read"), ("mcp-name", "file:///a")]).unwrap();
}

#[test]
fn every_disagreement_is_refused() {
    let call = format!(r#"{{"name":"echo",{META}}}"#);
    let method = ("mcp-method", "tools/call");
    let name = ("mcp-name", "echo");
    let cases: Vec<Vec<(&'static str, &str)>> = vec![
        vec![method, name],
        vec![V, name],
        vec![V, method],
        vec![("mcp-protocol-version", "2025-11-25"), method, name],
        vec![V, ("mcp-method", "TOOLS/CALL"), name],
        vec![V, ("mcp-method", "tools/list"), name],
        vec![V, method, ("mcp-name", "Echo")],
        vec![V, method, ("mcp-name", "other")],
        vec![V, method, name, name],
        vec![V, V, method, name],
        vec![V, method, method, name],
        vec![V, method, ("mcp-name", "=?base64?ZWNobw?=")],
        vec![V, method, ("mcp-name", "=?base64?ZWN!bw==?=")],
        vec![V, method, ("mcp-name", "=?base64?//8=?=")],
        vec![V, method, ("mcp-name", "=?BASE64?ZWNobw==?=")],
        vec![V, method, ("mcp-name", "echo\u{e9}")],
    ];
    for pairs in cases {
        assert!(check("tools/call", &call, &pairs).is_err(), "{pairs:?}");
    }
    let unnamed = format!("{{{META}}}");
    assert!(check("tools/call", &unnamed, &[V, method, name]).is_err());
    let task = format!(r#"{{"taskId":"t1",{META}}}"#);
    check("tasks/get", &task, &[V, ("mcp-method", "tasks/get")]).unwrap();
    assert!(check("tasks/get", &task, &[V, ("mcp-method", "tasks/get"), ("mcp-name", "t2")]).is_err());
}

#[test]
fn values_without_both_markers_are_literal() {
    assert_eq!(decode_header_value("=?base64?SGVsbG8=").unwrap(), "=?base64?SGVsbG8=");
    assert_eq!(decode_header_value("SGVsbG8=").unwrap(), "SGVsbG8=");
    assert_eq!(decode_header_value("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=").unwrap(), "=?base64?literal?=");
    assert_eq!(decode_header_value("=?base64?SGVsbG8?="), None);
    assert_eq!(decode_header_value("a\u{7f}"), None);
}

fn params(pairs: &[(&'static str, &str)], declared: &[(&str, Option<&str>)]) -> Result<(), HeaderMismatch> {
    let sent = ParamHeaders::from_json(&ParamHeaders::collect(&headers(pairs))?.to_json()).unwrap();
    let owned: Vec<(&str, Option<Box<RawValue>>)> = declared
        .iter()
        .map(|(name, raw)| (*name, raw.map(|raw| RawValue::from_string(raw.to_owned()).unwrap())))
        .collect();
    sent.check(owned.iter().map(|(name, raw)| (*name, raw.as_deref())))
}

#[test]
fn mirrored_arguments_must_equal_the_body() {
    let ok = [
        params(&[("mcp-param-region", "us-west1")], &[("Region", Some(r#""us-west1""#))]),
        params(&[("mcp-param-n", "42.0")], &[("N", Some("42"))]),
        params(&[("mcp-param-b", "true")], &[("B", Some("true"))]),
        params(&[("mcp-param-t", "=?base64?IHBhZGRlZCA=?=")], &[("T", Some(r#"" padded ""#))]),
        params(&[], &[("Region", None), ("Other", Some("null"))]),
        params(&[("mcp-param-unknown", "x")], &[]),
    ];
    assert!(ok.iter().all(Result::is_ok), "{ok:?}");
    let refused = [
        params(&[], &[("Region", Some(r#""us-west1""#))]),
        params(&[("mcp-param-region", "x")], &[("Region", None)]),
        params(&[("mcp-param-region", "x")], &[("Region", Some("null"))]),
        params(&[("mcp-param-region", "eu")], &[("Region", Some(r#""us""#))]),
        params(&[("mcp-param-region", "=?base64?SGVsbG8?=")], &[("Region", Some(r#""Hello""#))]),
        params(&[("mcp-param-n", "42.5")], &[("N", Some("42"))]),
        params(&[("mcp-param-n", "+42")], &[("N", Some("42"))]),
        params(&[("mcp-param-b", "True")], &[("B", Some("true"))]),
        params(&[("mcp-param-a", "1"), ("mcp-param-a", "1")], &[("A", Some("1"))]),
    ];
    assert!(refused.iter().all(Result::is_err), "{refused:?}");
}
