//! The client receives the mock's output, over both transports and in both eras.

use std::collections::BTreeMap;

use briefcase_testkit::mock::{Coding, SupportedEras, tool};
use briefcase_testkit::{ClientEra, HttpUpstream, McpClient, MockAction, Script, StdioUpstream, TempHome};
use serde_json::json;
use tokio::process::Command;

fn http(upstream: &HttpUpstream, era: ClientEra) -> McpClient {
    McpClient::http(&upstream.url(), BTreeMap::from([("x-test".into(), "yes".into())]), era)
}

fn stdio(upstream: &StdioUpstream, era: ClientEra) -> McpClient {
    let mut argv = upstream.argv().into_iter();
    let mut command = Command::new(argv.next().expect("a program"));
    command.args(argv);
    McpClient::stdio(command, era)
}

fn asking() -> MockAction {
    MockAction::Ask { method: "elicitation/create".into(), params: json!({ "message": "?" }) }
}

#[tokio::test]
async fn calls_are_answered_and_recorded_over_http_in_both_eras() {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("echo")]).speaking(SupportedEras::Both)).await;
    for (at, era) in [ClientEra::Legacy, ClientEra::Modern].into_iter().enumerate() {
        let client = http(&upstream, era);
        client.open().await.unwrap();
        assert_eq!(client.tool_names().await, ["echo"]);
        let result = client.call("echo", json!({ "a": 1 })).await.unwrap();
        assert_eq!(result["content"][0]["text"], r#"{"a":1}"#);
        assert_eq!(upstream.effects().len(), at + 1);
        assert_eq!(upstream.effects()[at].headers["x-test"], "yes");
    }
}

#[tokio::test]
async fn calls_are_answered_and_recorded_over_stdio() {
    let home = TempHome::new();
    let upstream = StdioUpstream::new(&home, "mock", &Script::with_tools(vec![tool("echo")]));
    let client = stdio(&upstream, ClientEra::Legacy);
    client.open().await.unwrap();
    let (one, two) = (client.start("ping", json!({})).await, client.start("tools/list", json!({})).await);
    assert!(client.answer(two).await.is_ok() && client.answer(one).await.is_ok());
    client.call("echo", json!({ "b": 2 })).await.unwrap();
    assert_eq!(upstream.effects()[0].arguments(), &json!({ "b": 2 }));
    client.close().await;
}

#[tokio::test]
async fn definitions_change_at_the_scripted_list() {
    let script = Script::with_tools(vec![tool("before")]).turning(2, vec![tool("after")]);
    let upstream = HttpUpstream::start(script).await;
    let client = http(&upstream, ClientEra::Legacy);
    assert_eq!(client.tool_names().await, ["before"]);
    assert_eq!(client.tool_names().await, ["after"]);
}

#[tokio::test]
async fn a_server_request_during_a_call_round_trips() {
    let home = TempHome::new();
    let script = Script::one("ask", asking());
    let local = StdioUpstream::new(&home, "mock", &script);
    let remote = HttpUpstream::start(script).await;
    for client in [stdio(&local, ClientEra::Legacy), http(&remote, ClientEra::Legacy)] {
        let client = client.answering(Box::new(|_| Some(json!({ "action": "decline" }))));
        let result = client.call("ask", json!({})).await.unwrap();
        assert!(result["content"][0]["text"].as_str().unwrap().contains("decline"));
        assert_eq!(client.server_requests().len(), 1);
    }
}

#[tokio::test]
async fn notifications_arrive_before_the_response_and_when_pushed() {
    let message = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": { "progressToken": 0 } });
    let upstream = HttpUpstream::start(Script::one(
        "busy",
        MockAction::Notify { times: 3, message, then: Box::new(MockAction::Echo) },
    ))
    .await;
    let client = http(&upstream, ClientEra::Legacy);
    let params = json!({ "name": "busy", "arguments": {}, "_meta": { "progressToken": "mine" } });
    client.request("tools/call", params).await.unwrap();
    assert_eq!(client.notification_at("notifications/progress", 2).await["params"]["progressToken"], "mine");
    client.listen();
    let changed = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
    briefcase_testkit::eventually("the pushed message", async || {
        upstream.push(changed.clone());
        client.notifications().contains(&changed).then_some(())
    })
    .await;
}

#[tokio::test]
async fn misbehaviour_over_stdio_follows_the_script() {
    let home = TempHome::new();
    let script = Script::with_tools(vec![])
        .on("noise", MockAction::Noise { lines: 2, then: Box::new(MockAction::Echo) })
        .on("utf8", MockAction::InvalidUtf8)
        .on("twice", MockAction::Twice)
        .on("huge", MockAction::Huge { bytes: 1 << 20 })
        .on("die", MockAction::Die);
    let upstream = StdioUpstream::new(&home, "mock", &script);
    let mut client = stdio(&upstream, ClientEra::Legacy);
    client.call("noise", json!({})).await.unwrap();
    assert!(client.received().starts_with(b"noise 0\nnoise 1\n"));
    client.call("twice", json!({})).await.unwrap();
    assert!(client.call("huge", json!({})).await.unwrap().to_string().len() > 1 << 20);
    client.start("tools/call", json!({ "name": "utf8" })).await;
    client.start("tools/call", json!({ "name": "die" })).await;
    assert_eq!(client.process().exited().await.code(), Some(3));
}

#[tokio::test]
async fn misbehaviour_over_http_follows_the_script() {
    let upstream = HttpUpstream::start(
        Script::with_tools(vec![])
            .on("gzip", MockAction::Bomb { coding: Coding::Gzip, bytes: 1 << 20 })
            .on("br", MockAction::Bomb { coding: Coding::Br, bytes: 1 << 20 })
            .on("zstd", MockAction::Bomb { coding: Coding::Zstd, bytes: 1 << 20 })
            .on("away", MockAction::Redirect { status: 307, to: "http://169.254.169.254/".into() })
            .on("teapot", MockAction::Status { status: 418, body: "short and stout".into() })
            .on("die", MockAction::Die),
    )
    .await;
    let address = upstream.url().replace("http://", "").replace("/mcp", "");
    for (tool, expected) in [("gzip", 200), ("br", 200), ("zstd", 200), ("away", 307), ("teapot", 418)] {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool } }).to_string();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = briefcase_testkit::raw_http(&address, format!("{head}{body}").as_bytes()).await;
        assert_eq!(answer.status, expected, "{tool}");
        if expected == 200 {
            assert_eq!(answer.header("content-encoding"), Some(tool));
            assert!(answer.body.len() < 1 << 17, "{tool} is compressed");
        }
    }
    assert_eq!(http(&upstream, ClientEra::Legacy).call("die", json!({})).await.unwrap_err().code, 0);
}
