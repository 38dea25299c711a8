//! Requests of 2026-07-28.

use briefcase_ipc::{ChannelId, ToDaemon};
use serde_json::{Value, json};

use crate::{
    client::{Connection, Gateway, HttpReply},
    daemon::ALICE,
};

const VERSION: (&str, &str) = ("MCP-Protocol-Version", "2026-07-28");

fn message(id: u32, method: &str, mut params: Value) -> String {
    if params.get("_meta").is_none() {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
    }
    json!({"jsonrpc":"2.0","id":id,"method":method,"params":params}).to_string()
}

fn call(id: u32, tool: &str) -> String {
    message(id, "tools/call", json!({"name": tool, "arguments": {"a": 1}}))
}

fn open(gateway: &Gateway, id: u32, tool: &str) -> (Connection, HttpReply) {
    let mut connection = gateway.connect();
    connection.post(ALICE, &[VERSION, ("Mcp-Method", "tools/call"), ("Mcp-Name", tool)], &call(id, tool));
    let reply = connection.reply();
    (connection, reply)
}

fn release(gateway: &Gateway) {
    let session = gateway
        .post(&[], r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#);
    let id = session.header("mcp-session-id").unwrap();
    let reply = gateway.post(&[("Mcp-Session-Id", id)], r#"{"jsonrpc":"2.0","method":"notifications/release"}"#);
    assert_eq!(reply.status, 202);
}

#[test]
fn requests_are_stateless() {
    let gateway = Gateway::start();
    let (_, reply) = open(&gateway, 1, "echo");
    assert_eq!((reply.status, &reply.json()["result"]["echo"]), (200, &json!({"a": 1})));
    assert_eq!(reply.header("mcp-session-id"), None);
    // This version has no session ids: one sent is ignored, and none is made.
    let headers = [VERSION, ("Mcp-Method", "tools/list"), ("Mcp-Session-Id", "nonsense")];
    assert_eq!(gateway.post(&headers, &message(2, "tools/list", json!({}))).status, 200);
    for method in ["GET", "DELETE", "PUT", "PATCH"] {
        let mut connection = gateway.connect();
        connection.without_body(method, ALICE, &[VERSION, ("Accept", "text/event-stream")]);
        assert_eq!(connection.reply().status, 405, "{method}");
    }
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(gateway.post(&[VERSION, ("Mcp-Method", "notifications/cancelled")], notification).status, 202);
    assert_eq!(gateway.post(&[VERSION], r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).status, 400);
    let passed_on = gateway.daemon.frames();
    let told = |frame: &ToDaemon| matches!(frame, ToDaemon::Message { json, .. } if json == notification);
    assert!(!passed_on.iter().any(told), "one client could cancel for another");
}

#[test]
fn errors_have_the_status_that_the_specification_gives_them() {
    let gateway = Gateway::start();
    let status = |method: &str, body: &str, headers: &[(&str, &str)]| {
        let reply = gateway.post(&[&[VERSION, ("Mcp-Method", method)], headers].concat(), body);
        (reply.status, reply.code(), reply.json()["id"].clone())
    };
    assert_eq!(status("no/such", &message(4, "no/such", json!({})), &[]), (404, -32601, json!(4)));
    assert_eq!(status("initialize", &message(5, "initialize", json!({})), &[]).0, 200);
    let missing = [("Mcp-Name", "missing")];
    assert_eq!(status("tools/call", &call(6, "missing"), &missing), (400, -32021, json!(6)));
    let bare = |meta: Value| message(7, "server/discover", json!({"_meta": meta}));
    let discover = "server/discover";
    assert_eq!(
        status(discover, r#"{"jsonrpc":"2.0","id":7,"method":"server/discover","params":{}}"#, &[]),
        (400, -32602, json!(7))
    );
    assert_eq!(
        status(discover, &bare(json!({"io.modelcontextprotocol/clientCapabilities": {}})), &[]),
        (400, -32602, json!(7))
    );
    assert_eq!(
        status(discover, &bare(json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"})), &[]),
        (400, -32602, json!(7))
    );
    assert_eq!(status(discover, &bare(json!("text")), &[]), (400, -32602, json!(7)));
    assert_eq!(gateway.post(&[VERSION], "{").status, 400);
    assert_eq!(gateway.post(&[VERSION], "[]").code(), -32600);
    let unknown = json!({"io.modelcontextprotocol/protocolVersion": "v999.0.0", "io.modelcontextprotocol/clientCapabilities": {}});
    let headers = [("MCP-Protocol-Version", "v999.0.0"), ("Mcp-Method", "server/discover")];
    let refused = gateway.post(&headers, &bare(unknown.clone()));
    assert_eq!((refused.status, refused.code()), (400, -32022));
    assert_eq!(refused.json()["error"]["data"], json!({"supported": ["2026-07-28"], "requested": "v999.0.0"}));
    assert_eq!(status(discover, &bare(unknown), &[]).1, -32020);
}

/// Attack 37: header and body must agree, or nothing is forwarded.
#[test]
fn a_header_that_differs_from_the_body_stops_the_request() {
    let gateway = Gateway::start();
    let m = ("Mcp-Method", "tools/call");
    let n = ("Mcp-Name", "echo");
    let cases: [&[(&str, &str)]; 12] = [
        &[m, n],
        &[VERSION, n],
        &[VERSION, m],
        &[("MCP-Protocol-Version", "2025-11-25"), m, n],
        &[VERSION, ("Mcp-Method", "TOOLS/CALL"), n],
        &[VERSION, ("Mcp-Method", "prompts/get"), n],
        &[VERSION, m, ("Mcp-Name", "wrong")],
        &[VERSION, m, ("Mcp-Name", "=?base64?ZWNobw?=")],
        &[VERSION, m, ("Mcp-Name", "=?base64?d3Jvbmc=?=")],
        &[VERSION, VERSION, m, n],
        &[VERSION, m, m, n],
        &[VERSION, m, n, ("Mcp-Param-A", "1"), ("Mcp-Param-a", "2")],
    ];
    for headers in cases {
        let reply = gateway.post(headers, &call(1, "echo"));
        assert_eq!((reply.status, reply.code()), (400, -32020), "{headers:?}");
    }
    assert!(gateway.daemon.frames().is_empty());
    for headers in [
        [VERSION, ("mcp-method", "tools/call"), ("MCP-NAME", "  echo  ")],
        [VERSION, m, ("Mcp-Name", "=?base64?ZWNobw==?=")],
    ] {
        assert_eq!(gateway.post(&headers, &call(1, "echo")).status, 200, "{headers:?}");
    }
}

#[test]
fn mirrored_arguments_are_forwarded_for_the_daemons_check() {
    let gateway = Gateway::start();
    let headers = [
        VERSION,
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "headers"),
        ("Mcp-Param-Region", "us-west1"),
        ("mcp-param-text", "=?base64?SGVsbG8=?="),
    ];
    let mirrored = &gateway.post(&headers, &call(1, "headers")).json()["result"]["mirrored"];
    assert_eq!(*mirrored, json!({"region": "us-west1", "text": "=?base64?SGVsbG8=?="}));
    let none = open(&gateway, 1, "headers").1.json()["result"]["mirrored"].clone();
    assert_eq!(none, json!({}), "the daemon must learn that there were no headers");
}

#[test]
fn progress_arrives_as_a_stream_without_ids() {
    let gateway = Gateway::start();
    let (mut stream, reply) = open(&gateway, 1, "progress");
    assert!(reply.is_stream());
    assert_eq!(reply.header("x-accel-buffering"), Some("no"));
    let events: Vec<_> = std::iter::from_fn(|| stream.event()).collect();
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|event| event.id.is_none() && event.retry.is_none()));
    assert_eq!(events[2].json()["result"]["done"], true);
    let cancels = gateway.daemon.frames().iter().filter(|frame| matches!(frame, ToDaemon::Cancel { .. })).count();
    assert_eq!(cancels, 0, "a finished request was cancelled");
}

#[test]
fn closing_the_response_cancels_the_request() {
    let gateway = Gateway::start();
    let (mut stream, _) = open(&gateway, 41, "hold");
    stream.event().unwrap();
    drop(stream);
    let is_cancel = |wanted: &'static str| move |frame: &ToDaemon| matches!(frame, ToDaemon::Cancel { request, .. } if request == wanted);
    gateway.daemon.expect("the cancellation", is_cancel("41"));
    // Also before the first response byte.
    let mut connection = gateway.connect();
    connection.post(ALICE, &[VERSION, ("Mcp-Method", "tools/call"), ("Mcp-Name", "hang")], &call(42, "hang"));
    gateway.daemon.expect("the call", |frame| matches!(frame, ToDaemon::Message { .. }));
    drop(connection);
    gateway.daemon.expect("the cancellation", is_cancel("42"));
}

#[test]
fn clients_with_the_same_ids_are_kept_apart() {
    let gateway = Gateway::start();
    let first = open(&gateway, 1, "hold");
    let second = open(&gateway, 1, "hold");
    let (_, third) = open(&gateway, 1, "echo");
    assert_eq!(third.json()["result"]["echo"], json!({"a": 1}));
    let channels: std::collections::HashSet<ChannelId> = gateway
        .daemon
        .frames()
        .iter()
        .filter_map(|frame| match frame {
            ToDaemon::Open { channel, open } if open.stateless => Some(*channel),
            _ => None,
        })
        .collect();
    assert_eq!(channels.len(), 3);
    release(&gateway);
    for (mut stream, _) in [first, second] {
        stream.event().unwrap();
        assert_eq!(stream.event().unwrap().json()["result"]["released"], true);
        assert!(stream.event().is_none());
    }
}

#[test]
fn a_slow_request_becomes_a_stream() {
    let gateway = Gateway::start();
    let (mut stream, reply) = open(&gateway, 1, "wait");
    assert!(reply.is_stream());
    release(&gateway);
    assert_eq!(stream.event().unwrap().json()["result"]["released"], true);
}

#[test]
fn every_request_is_answered_when_the_daemon_dies() {
    let gateway = Gateway::start();
    let (mut stream, _) = open(&gateway, 1, "hold");
    stream.event().unwrap();
    let (_, died) = open(&gateway, 2, "die");
    assert_eq!((died.status, died.code()), (503, -31999));
    let last = stream.event().unwrap().json();
    assert_eq!((&last["id"], &last["error"]["data"]["code"]), (&json!(1), &json!("unavailable")));
    assert!(stream.event().is_none());
    assert_eq!(open(&gateway, 3, "echo").1.status, 200, "not connected again");
}
