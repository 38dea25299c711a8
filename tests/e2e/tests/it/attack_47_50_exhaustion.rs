//! Attacks 47–50: documents, schemas, bodies and connections that are meant to exhaust resources.

use std::time::{Duration, Instant};

use briefcase_testkit::{ClientEra, HttpUpstream, MockAction, Script, mock::Coding, mock::tool};
use e2e::{Scene, assert_refused, refusal};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The peak memory of the process, in KiB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

const MIB: u64 = 1024;

/// Guards: limits on depth, keys, digits and size, before a tree is built from a document.
#[tokio::test]
async fn attack_47_json_bombs_cost_little_and_reach_nobody() {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("look")])).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look"]).await;
    let client = scene.client(ClientEra::Legacy).await;
    client.tool_names().await;
    let before = peak(scene.daemon.id());
    let keys: String = (0..300_000).map(|n| format!("\"k{n}\":0,")).collect();
    let bombs = [
        format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("{{\"a\":{}1{}}}", "{\"a\":".repeat(65), "}".repeat(65)),
        format!("{{\"a\":\"{}\"}}", "x".repeat(50 << 20)),
        format!("{{{keys}\"end\":0}}"),
        format!("{{\"a\":{}}}", "7".repeat(1_000_000)),
        format!("{{\"a\":1e{}}}", "9".repeat(1_000)),
        format!("{{\"a\":[{}0]}}", "0,".repeat(2_000_000)),
    ];
    for (id, bomb) in (5_000_000..).zip(&bombs) {
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"mock__look","arguments":{bomb}}}}}"#
        );
        client.send_bytes(text.into_bytes()).await;
    }
    let began = Instant::now();
    client.call("mock__look", json!({})).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(upstream.effects().len(), 1, "a bomb reached the server");
    let grown = peak(scene.daemon.id()) - before;
    assert!(grown < 64 * MIB, "the daemon grew by {grown} KiB");
}

/// Guards: a schema that cannot be checked within its bounds makes its tool ask, and costs no other tool anything.
#[tokio::test]
async fn attack_48_schema_bombs_quarantine_their_tool_only() {
    let nested = (0..12).fold(json!({ "type": "string" }), |inner, _| json!({ "anyOf": [inner.clone(), inner] }));
    let wide: Vec<Value> = (0..20_000).map(|n| json!({ "const": n })).collect();
    let deep = (0..50).fold(json!({ "type": "string" }), |inner, _| json!({ "items": inner }));
    let double = |levels: usize| {
        let mut defs = serde_json::Map::new();
        for level in 0..levels {
            let next = json!({ "$ref": format!("#/$defs/d{}", level + 1) });
            defs.insert(format!("d{level}"), json!({ "anyOf": [next, next, next] }));
        }
        defs.insert(format!("d{levels}"), json!({ "type": "object", "required": ["never"] }));
        json!({ "type": "object", "$defs": defs, "$ref": "#/$defs/d0" })
    };
    let schemas = [
        json!({ "type": "object", "$ref": "#" }),
        json!({ "type": "object", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" }),
        json!({ "type": "object", "properties": { "s": { "type": "string", "pattern": "^(a+)+$" } } }),
        json!({ "type": "object", "properties": { "s": { "pattern": "(a{1000}){1000}" } } }),
        json!({ "type": "object", "properties": { "s": { "pattern": "(?=a)b" } } }),
        json!({ "type": "object", "anyOf": wide }),
        json!({ "type": "object", "properties": { "s": deep } }),
        json!({ "type": "object", "properties": { "s": nested } }),
        json!({ "type": "object", "$ref": "http://127.0.0.1:1/schema.json" }),
        double(30),
    ];
    let bombs = schemas.iter().enumerate();
    let mut tools: Vec<Value> = bombs
        .map(|(n, schema)| json!({ "name": format!("bomb{n}"), "description": "x", "inputSchema": schema }))
        .collect();
    tools.push(tool("look"));
    let upstream = HttpUpstream::start(Script::with_tools(tools)).await;
    let scene = Scene::new().await;
    let began = Instant::now();
    scene.add_http("mock", &upstream, &["look"]).await;
    let client = scene.client(ClientEra::Legacy).await;
    let names = client.tool_names().await;
    assert!(names.contains(&"mock__look".to_owned()), "{names:?}");
    for n in 0..schemas.len() {
        let arguments = json!({ "s": format!("{}!", "a".repeat(50)) });
        let name = format!("mock__bomb{n}");
        if names.contains(&name) {
            // The call is checked quickly: it is invalid, or asks a person.
            let asked = client.start("tools/call", json!({ "name": name, "arguments": arguments })).await;
            client.notify("notifications/cancelled", json!({ "requestId": asked })).await;
        } else {
            let answer = client.call(&name, arguments).await;
            assert!(refusal(&answer).is_some() || answer.is_err(), "{name}: {answer:?}");
        }
        client.call("mock__look", json!({ "n": n })).await.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(180), "{:?}", began.elapsed());
    assert_eq!(upstream.effects().len(), schemas.len(), "only the reads ran");
}

/// Guards: the caps on the decompressed size of an answer.
#[tokio::test]
async fn attack_49_compressed_bombs_end_at_a_cap() {
    let script = Script::with_tools(vec![tool("gzip"), tool("br"), tool("zstd"), tool("huge"), tool("look")])
        .on("gzip", MockAction::Bomb { coding: Coding::Gzip, bytes: 200 << 20 })
        .on("br", MockAction::Bomb { coding: Coding::Br, bytes: 200 << 20 })
        .on("zstd", MockAction::Bomb { coding: Coding::Zstd, bytes: 200 << 20 })
        .on("huge", MockAction::Huge { bytes: 32 << 20 });
    let upstream = HttpUpstream::start(script).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["gzip", "br", "zstd", "huge", "look"]).await;
    let client = scene.client(ClientEra::Legacy).await;
    client.call("mock__look", json!({})).await.unwrap();
    let before = peak(scene.daemon.id());
    for name in ["gzip", "br", "zstd", "huge"] {
        assert_refused!(client.call(&format!("mock__{name}"), json!({})).await, "upstream_error");
        client.call("mock__look", json!({})).await.unwrap();
    }
    let grown = peak(scene.daemon.id()) - before;
    assert!(grown < 64 * MIB, "the daemon grew by {grown} KiB");
}

/// Guards: time limits on heads and bodies, and room for honest clients, at the gateway and at the console.
#[tokio::test]
async fn attack_50_slow_clients_and_floods_block_nobody() {
    let upstream =
        HttpUpstream::start(Script::with_tools(vec![tool("look"), tool("endless")]).on("endless", MockAction::Endless))
            .await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look", "endless"]).await;
    let gateway = scene.gateway().await;
    let console = scene.daemon.console().trim_start_matches("http://").to_owned();
    let honest = gateway.client(ClientEra::Modern);
    honest.call("mock__look", json!({})).await.unwrap();
    // A call with an endless answer does not delay the others.
    let endless = honest.start("tools/call", json!({ "name": "mock__endless", "arguments": {} })).await;
    let mut crowd = Vec::new();
    for n in 0..400 {
        if let Ok(mut stream) = TcpStream::connect(gateway.address()).await {
            if n % 2 == 0 {
                let _ = stream.write_all(b"POST /mcp HTTP/1.1\r\nHost: ").await;
            }
            crowd.push(stream);
        }
    }
    let mut slow = TcpStream::connect(gateway.address()).await.unwrap();
    slow.write_all(b"POST /mcp HTTP/1.1\r\nHost: ").await.unwrap();
    let mut at_console = TcpStream::connect(&console).await.unwrap();
    at_console.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
    let began = Instant::now();
    for n in 0..20 {
        honest.call("mock__look", json!({ "n": n })).await.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    for (what, stream) in [("gateway", &mut slow), ("console", &mut at_console)] {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the {what} waits for ever for a head");
    }
    honest.notify("notifications/cancelled", json!({ "requestId": endless })).await;
    drop(crowd);
}

/// Guards: the limit of open calls of one agent, so that it cannot fill the daemon.
#[tokio::test]
async fn attack_50_one_agent_cannot_take_all_of_the_daemon() {
    let script = Script::with_tools(vec![tool("hang"), tool("look")]).on("hang", MockAction::Hang);
    let upstream = HttpUpstream::start(script).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["hang", "look"]).await;
    let other = scene.daemon.admin.add_agent("other", &scene.setup.pin).await;
    let client = scene.client(ClientEra::Legacy).await;
    let mut last = 0;
    for n in 0..300 {
        last = client.start("tools/call", json!({ "name": "mock__hang", "arguments": { "n": n } })).await;
    }
    assert_refused!(client.answer(last).await, "unavailable");
    let honest = briefcase_testkit::GatewayProcess::stdio(&scene.home, &other, None, ClientEra::Legacy);
    honest.open().await.unwrap();
    let began = Instant::now();
    honest.call("mock__look", json!({})).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let waiting: Vec<Value> = scene.daemon.admin.get("/v1/approvals").await;
    assert!(waiting.is_empty());
}
