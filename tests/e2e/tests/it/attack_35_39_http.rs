//! Attacks 35–39: time, and all that HTTP allows a stranger on a loopback port.

use std::collections::BTreeMap;

use briefcase_testkit::{
    ClientEra, GatewayProcess, HttpUpstream, McpClient, MockAction, RawResponse, Script, mock::tool, raw_http,
};
use e2e::{Scene, assert_no_effect, refusal};
use serde_json::{Value, json};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"mock__look","arguments":{}}}"#;

async fn scene() -> (Scene, HttpUpstream) {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("look"), tool("pay")])).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look"]).await;
    (scene, upstream)
}

fn modern(tool: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": tool, "arguments": {},
        "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {} }
    }})
    .to_string()
}

/// One POST with these headers in place of, or in addition to, the right ones.
async fn post(gateway: &GatewayProcess, host: &str, headers: &[(&str, &str)], body: &str) -> RawResponse {
    let mut head = format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\nAccept: application/json, text/event-stream\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        head.push_str("Content-Type: application/json\r\n");
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
        head.push_str(&format!("Authorization: {}\r\n", gateway.authorization()));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let request = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    raw_http(gateway.address(), request.as_bytes()).await
}

/// Guards: the order and the times of receipts never go back, whatever time a peer claims, across restarts.
///
/// The daemon's own clock cannot be moved from outside; its high-water mark is tested beside the clock.
#[tokio::test]
async fn attack_35_the_time_of_receipts_never_goes_back() {
    let (scene, upstream) = scene().await;
    let client = scene.client(ClientEra::Legacy).await;
    client.call("mock__look", json!({ "now": "1970-01-01T00:00:00Z" })).await.unwrap();
    let scene = scene.after_a_crash().await;
    scene.client(ClientEra::Legacy).await.call("mock__look", json!({})).await.unwrap();
    let times: Vec<u64> =
        scene.receipts().await.iter().map(|row| row["receipt"]["at"].as_u64().expect("a time")).collect();
    assert!(times.is_sorted() && times.len() > 6, "{times:?}");
    assert_eq!(upstream.effects().len(), 2);
}

/// Guards: Host, Origin, fetch metadata, proxies' headers and content type at the gateway.
#[tokio::test]
async fn attack_36_no_page_and_no_rebound_name_reaches_a_tool() {
    let (scene, upstream) = scene().await;
    let gateway = scene.gateway().await;
    let port = gateway.address().rsplit_once(':').unwrap().1;
    let next = port.parse::<u16>().unwrap().wrapping_add(1);
    let body = modern("mock__look");
    let right = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "mock__look")];
    for host in [
        format!("localhost.evil:{port}"),
        format!("127.0.0.1.nip.io:{port}"),
        format!("localhost.:{port}"),
        format!("LOCALHOST:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("0.0.0.0:{port}"),
        format!("2130706433:{port}"),
        format!("127.1:{port}"),
        format!("localhost:{next}"),
        format!("evil@localhost:{port}"),
        format!("localhost:{port}, evil"),
        "localhost".into(),
        "null".into(),
        "evil.example".into(),
    ] {
        let answer = post(&gateway, &host, &right, &body).await;
        assert!([400, 403].contains(&answer.status), "Host {host}: {}", answer.status);
    }
    let own = gateway.address().to_owned();
    let shaped: [&[(&str, &str)]; 16] = [
        &[("Origin", "http://evil.example")],
        &[("Origin", "null")],
        &[("Origin", "https://localhost")],
        &[("Origin", "file://")],
        &[("Origin", "http://localhost.evil")],
        &[("Referer", "http://evil.example/")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Mode", "no-cors")],
        &[("Sec-Fetch-Dest", "script")],
        &[("Cookie", "a=b")],
        &[("X-Forwarded-Host", "localhost")],
        &[("X-Forwarded-For", "127.0.0.1")],
        &[("Forwarded", "host=localhost")],
        &[("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x3JJHMbDL1EzLkh9GBhXDw==")],
        &[("Access-Control-Request-Method", "POST")],
    ];
    for extra in shaped {
        let all: Vec<_> = right.iter().chain(extra).copied().collect();
        let answer = post(&gateway, &own, &all, &body).await;
        assert_eq!(answer.status, 403, "{extra:?}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), None, "{extra:?}");
    }
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain; application/json"]
    {
        let all: Vec<_> = right.iter().copied().chain([("Content-Type", kind)]).collect();
        let status = post(&gateway, &own, &all, &body).await.status;
        assert!([400, 403, 415].contains(&status), "{kind}: {status}");
    }
    for credential in ["", "Bearer ", "Basic YTpi", "Bearer bca_0000000000000000000000000000000000000000000"] {
        let all: Vec<_> = right.iter().copied().chain([("Authorization", credential)]).collect();
        assert_eq!(post(&gateway, &own, &all, &body).await.status, 401, "{credential:?}");
    }
    assert_no_effect!(upstream);
    assert_eq!(post(&gateway, &own, &right, &body).await.status, 200, "the request itself is right");
}

/// Guards: the daemon decides on the body; a contradicting header stops the request.
#[tokio::test]
async fn attack_37_a_header_never_replaces_the_body() {
    let (scene, upstream) = scene().await;
    let gateway = scene.gateway().await;
    let own = gateway.address().to_owned();
    let version = ("MCP-Protocol-Version", "2026-07-28");
    let method = ("Mcp-Method", "tools/call");
    // The header names the read, the body the tool that needs an approval.
    let cases: [&[(&str, &str)]; 9] = [
        &[version, method, ("Mcp-Name", "mock__look")],
        &[version, method, ("Mcp-Name", "=?base64?bW9ja19fbG9vaw==?=")],
        &[version, method, ("Mcp-Name", "=?base64?bW9ja19fbG9vaw?=")],
        &[version, ("Mcp-Method", "tools/list"), ("Mcp-Name", "mock__pay")],
        &[version, method],
        &[version, ("Mcp-Name", "mock__pay")],
        &[version, method, ("Mcp-Name", "mock__pay"), ("Mcp-Name", "mock__look")],
        &[version, method, ("Mcp-Name", "MOCK__PAY")],
        &[method, ("Mcp-Name", "mock__pay"), ("MCP-Protocol-Version", "2025-11-25")],
    ];
    for headers in cases {
        let answer = post(&gateway, &own, headers, &modern("mock__pay")).await;
        assert_eq!(answer.status, 400, "{headers:?}: {}", answer.text());
        assert!(answer.text().contains("-32020"), "{headers:?}: {}", answer.text());
    }
    let open: Vec<Value> = scene.daemon.admin.get("/v1/approvals").await;
    assert!(open.is_empty(), "a refused request has asked");
    assert_no_effect!(upstream);
}

/// Guards: the gateway's framing: a request with two readings is invalid, and closes its connection.
#[tokio::test]
async fn attack_38_no_request_hides_in_another() {
    let (scene, upstream) = scene().await;
    let gateway = scene.gateway().await;
    let rest = format!(
        "Host: {}\r\nAuthorization: {}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n",
        gateway.address(),
        gateway.authorization()
    );
    let headers = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: mock__look\r\n";
    let (body, post) = (modern("mock__look"), "POST /mcp HTTP/1.1\r\n");
    let length = body.len();
    let hidden = format!("{post}{rest}{headers}Content-Length: {length}\r\n\r\n{body}");
    let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let huge = "x".repeat(64 * 1024);
    let corpus = [
        format!("{post}{rest}{headers}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"),
        format!("{post}{rest}{headers}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{chunked}{hidden}"),
        format!("{post}{rest}{headers}Content-Length: {length}\r\nContent-Length: 0\r\n\r\n{body}"),
        format!("{post}{rest}{headers}Content-Length: {length}, {length}\r\n\r\n{body}"),
        format!("{post}{rest}{headers}Content-Length: +{length}\r\n\r\n{body}"),
        format!("{post}{rest}{headers}Content-Length : {length}\r\n\r\n{body}"),
        format!("{post}{rest}{headers}X: a\r\n b\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!("{post}{rest}{headers}Content-Length: {length}\n\n{body}"),
        format!("{post}{rest}{headers}X: a\0b\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!("{post}{rest}{headers}X: {huge}\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!("{post}{rest}{headers}Content-Length: 2\r\n\r\n{{}}{hidden}"),
        format!("{post}{rest}{headers}Transfer-Encoding: xchunked\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!("\r\n{hidden}"),
        format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{hidden}"),
    ];
    for (number, bytes) in corpus.iter().enumerate() {
        let answer = raw_http(gateway.address(), bytes.as_bytes()).await;
        assert!(matches!(answer.status, 0 | 400..=499 | 505), "case {number}: {}", answer.status);
    }
    assert_no_effect!(upstream);
    assert_eq!(raw_http(gateway.address(), hidden.as_bytes()).await.status, 200, "the hidden request itself is right");
}

/// Guards: the handle of a server's state belongs to one agent, one request and one use.
#[tokio::test]
async fn attack_39_a_request_state_belongs_to_one_agent_and_cannot_be_forged() {
    let asks = MockAction::InputRequired {
        requests: json!({ "q": { "method": "elicitation/create", "params": {
            "mode": "form", "message": "Who?", "requestedSchema": { "type": "object", "properties": {} } } } }),
    };
    let script = Script::with_tools(vec![tool("look"), tool("other")])
        .on("look", asks)
        .speaking(briefcase_testkit::mock::SupportedEras::Modern);
    let upstream = HttpUpstream::start(script).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look", "other"]).await;
    let other = scene.daemon.admin.add_agent("other", &scene.setup.pin).await;
    let client = scene.client(ClientEra::Modern).await;
    let theirs = GatewayProcess::stdio(&scene.home, &other, None, ClientEra::Modern);
    theirs.open().await.unwrap();
    let call = async |client: &McpClient, name: &str, arguments: Value, state: Value| {
        let responses = json!({ "q": { "action": "accept", "content": {} } });
        let params =
            json!({ "name": name, "arguments": arguments, "requestState": state, "inputResponses": responses });
        client.request("tools/call", params).await
    };
    let asked = client.call("mock__look", json!({ "a": 1 })).await.unwrap();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let state = asked["requestState"].as_str().unwrap().to_owned();
    assert!(!state.contains("mock"), "the server's own state is not handed out");
    let reached = upstream.effects().len();
    let mut tampered = state.clone().into_bytes();
    let last = tampered.len() - 1;
    tampered[last] = if tampered[last] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).unwrap();
    let refused = [
        call(&client, "mock__look", json!({ "a": 1 }), json!(tampered)).await,
        call(&client, "mock__look", json!({ "a": 1 }), json!("mock")).await,
        call(&client, "mock__look", json!({ "a": 1 }), json!(7)).await,
        call(&theirs, "mock__look", json!({ "a": 1 }), json!(state)).await,
        call(&client, "mock__look", json!({ "a": 2 }), json!(state)).await,
        call(&client, "mock__other", json!({ "a": 1 }), json!(state)).await,
    ];
    for (number, answer) in refused.iter().enumerate() {
        let fresh = answer.as_ref().is_ok_and(|result| result["resultType"] == "input_required");
        assert!(answer.is_err() || refusal(answer).is_some() || fresh, "case {number}: {answer:?}");
    }
    let carried =
        upstream.effects().iter().skip(reached).filter(|effect| effect.message.to_string().contains("accept")).count();
    assert_eq!(carried, 0, "an answer reached the server by a state that was not its own");
    let asked = client.call("mock__look", json!({ "a": 3 })).await.unwrap();
    let state = asked["requestState"].clone();
    call(&client, "mock__look", json!({ "a": 3 }), state.clone()).await.unwrap();
    let before = upstream.effects().len();
    let replayed = call(&client, "mock__look", json!({ "a": 3 }), state).await;
    assert!(replayed.is_err() || refusal(&replayed).is_some(), "{replayed:?}");
    assert_eq!(upstream.effects().len(), before, "a state is good once");
}

/// Guards: the daemon chooses the session of the legacy era, and it belongs to one agent.
#[tokio::test]
async fn attack_39_a_session_is_neither_chosen_nor_shared() {
    let (scene, upstream) = scene().await;
    let gateway = scene.gateway().await;
    let own = gateway.address().to_owned();
    let other = scene.daemon.admin.add_agent("other", &scene.setup.pin).await;
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
    let chosen = "AAAAAAAAAAAAAAAAAAAAAA";
    let answer = post(&gateway, &own, &[("Mcp-Session-Id", chosen)], &initialize.to_string()).await;
    assert_ne!(answer.header("mcp-session-id"), Some(chosen), "{}", answer.status);
    let client = McpClient::http(
        &gateway.url(),
        BTreeMap::from([("authorization".into(), gateway.authorization())]),
        ClientEra::Legacy,
    );
    client.open().await.unwrap();
    let session = client.session().unwrap();
    let theirs = format!("Bearer {other}");
    for (credential, session, status) in [
        (theirs.as_str(), session.as_str(), 404),
        (&gateway.authorization(), chosen, 404),
        (&gateway.authorization(), "", 404),
    ] {
        let answer = post(&gateway, &own, &[("Authorization", credential), ("Mcp-Session-Id", session)], CALL).await;
        assert!(answer.status == status || answer.status == 400, "{session}: {} {}", answer.status, answer.text());
    }
    assert_no_effect!(upstream);
    client.call("mock__look", json!({})).await.unwrap();
}
