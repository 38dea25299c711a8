//! Promise P1: no secret reaches the agent, the gateway, a log, a receipt or a file, in any encoding. One secret goes
//! out in a header, one in the environment of a child. The servers that get them return them in every encoding, on
//! every channel.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use briefcase_testkit::{
    Canary, ClientEra, HttpUpstream, McpClient, MockAction, Script, StdioUpstream, assert_absent, found, mock::tool,
    raw_http,
};
use e2e::Scene;
use serde_json::{Value, json};

/// The secret in the encodings that a server can put into a JSON string.
fn shapes(canary: &Canary) -> Vec<(&'static str, String)> {
    let value = canary.value();
    let mut shapes: Vec<(&'static str, String)> = (0..3)
        .map(|n| ("base64", STANDARD.encode(format!("{}{value}xyz", "a".repeat(n)))))
        .chain((0..3).map(|n| ("base64url", URL_SAFE.encode(format!("{}{value}xyz", "a".repeat(n))))))
        .collect();
    for (shape, bytes) in canary.encodings() {
        match shape {
            "first half" | "second half" | "base64" | "base64url" => {}
            // Two bytes per character: text with a zero byte between the letters.
            "UTF-16LE" | "UTF-16BE" => shapes.push((shape, bytes.into_iter().map(char::from).collect())),
            _ => shapes.push((shape, String::from_utf8(bytes).unwrap())),
        }
    }
    shapes.push(("upper case", value.to_uppercase()));
    shapes.push(("lower case", value.to_lowercase()));
    for at in (1..value.len()).step_by(9) {
        let (before, after) = value.split_at(at);
        shapes.push(("split by a line end", format!("{before}\n{after}")));
        shapes.push(("split by a hidden character", format!("{before}\u{200b}{after}")));
    }
    shapes
}

/// The ways of a server to return text during a call.
fn says(text: &str) -> Vec<(&'static str, MockAction)> {
    let result = |result: Value| MockAction::Result { result };
    let note = |method: &str, params: Value| {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        MockAction::Notify { times: 1, message, then: Box::new(MockAction::Echo) }
    };
    let resource = |members: Value| json!({ "content": [{ "type": "resource", "resource": members }] });
    vec![
        ("text", result(json!({ "content": [{ "type": "text", "text": format!("it is {text}.") }] }))),
        ("structured", result(json!({ "content": [], "structuredContent": { "deep": [{ "a": text }] } }))),
        ("member name", result(json!({ "content": [], "structuredContent": { text: 1 } }))),
        ("meta", result(json!({ "content": [], "_meta": { "x/y": text } }))),
        ("tool error", result(json!({ "isError": true, "content": [{ "type": "text", "text": text }] }))),
        ("rpc error", MockAction::Error { code: -32000, message: text.to_owned() }),
        ("resource", result(resource(json!({ "uri": format!("demo://{}", text.len()), "text": text })))),
        ("blob", result(resource(json!({ "uri": "demo://b", "blob": STANDARD.encode(text) })))),
        ("progress", note("notifications/progress", json!({ "progressToken": 0, "progress": 1, "message": text }))),
        ("log", note("notifications/message", json!({ "level": "error", "logger": text, "data": { "t": text } }))),
        (
            "question",
            MockAction::Ask {
                method: "elicitation/create".into(),
                params: json!({ "message": text, "requestedSchema": { "type": "object", "properties": {} } }),
            },
        ),
    ]
}

/// All other places for text of a server.
fn elsewhere(script: Script, text: &str) -> Script {
    let result = |result: Value| MockAction::Result { result };
    let message = json!({ "role": "user", "content": { "type": "text", "text": text } });
    script
        .on_method(
            "resources/list",
            result(json!({ "resources": [{ "uri": "demo://r", "name": "r", "description": text }] })),
        )
        .on_method("resources/read", result(json!({ "contents": [{ "uri": "demo://r", "text": text }] })))
        .on_method("prompts/list", result(json!({ "prompts": [{ "name": "p", "description": text }] })))
        .on_method("prompts/get", result(json!({ "description": text, "messages": [message] })))
        .on_method("completion/complete", result(json!({ "completion": { "values": [text] } })))
}

async fn walk(client: &McpClient, server: &str) {
    let call = json!({ "name": format!("{server}__say"), "arguments": {}, "_meta": { "progressToken": 3 } });
    let _ = client.request("tools/call", call).await;
    for (method, params) in [
        ("resources/list", json!({})),
        ("prompts/list", json!({})),
        ("resources/read", json!({ "uri": format!("{server}+demo://r") })),
        ("prompts/get", json!({ "name": format!("{server}__p") })),
        (
            "completion/complete",
            json!({
                "ref": { "type": "ref/prompt", "name": format!("{server}__p") }, "argument": { "name": "a", "value": "" }
            }),
        ),
    ] {
        let _ = client.request(method, params).await;
    }
}

fn decline(request: &Value) -> Option<Value> {
    (request["method"] == "elicitation/create").then(|| json!({ "action": "decline" }))
}

pub struct Planted {
    pub scene: Scene,
    pub header: Canary,
    pub env: Canary,
    pub http: HttpUpstream,
    pub stdio: StdioUpstream,
}

pub async fn planted() -> Planted {
    let scene = Scene::new().await;
    let (header, env) = (Canary::new(), Canary::new());
    scene.change(json!({ "change": "set_secret", "name": "header-key", "value": header.value() })).await;
    scene.change(json!({ "change": "set_secret", "name": "env-key", "value": env.value() })).await;
    let http = HttpUpstream::start(Script::one("say", MockAction::EchoSecrets)).await;
    let stdio = StdioUpstream::new(&scene.home, "child", &Script::one("say", MockAction::EchoSecrets));
    let headers = json!([{ "name": "X-Key", "value": "Token {secret}", "secret": "header-key" }]);
    let remote = json!({ "transport": "http", "url": http.url(), "headers": headers });
    let mut local = stdio.spec();
    // The child also writes it to its error output, whole and in pieces.
    let shout = r#"printf '%s\n' "$KEY" >&2; printf '%s' "$KEY" | fold -w1 >&2; exec "$@""#;
    let mut argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), shout.to_owned(), "sh".to_owned()];
    argv.extend(stdio.argv());
    local["argv"] = json!(argv);
    local["secret_env"] = json!({ "KEY": "env-key" });
    scene.daemon.admin.add_server("remote", &remote, &["say"], &scene.setup.pin).await;
    scene.daemon.admin.add_server("local", &local, &["say"], &scene.setup.pin).await;
    Planted { scene, header, env, http, stdio }
}

/// Every surface but the agent's own.
async fn assert_nowhere(planted: &Planted, more: &[(&str, Vec<u8>)]) {
    let Planted { scene, header, env, .. } = planted;
    let mut surfaces: Vec<(String, Vec<u8>)> = vec![("the daemon's log".into(), scene.daemon.log().into_bytes())];
    for (path, bytes) in scene.home.all_bytes() {
        // The mock's own script and record belong to the test.
        let name = path.to_string_lossy().into_owned();
        if !name.contains("child.") {
            surfaces.push((name, bytes));
        }
    }
    for path in [
        "/v1/status",
        "/v1/doctor",
        "/v1/approvals",
        "/v1/agents",
        "/v1/servers",
        "/v1/tools",
        "/v1/grants",
        "/v1/budgets",
        "/v1/secrets",
        "/v1/factors",
        "/v1/policy",
        "/v1/receipts?limit=1000",
        "/v1/log/checkpoint",
        "/v1/log/key",
        "/v1/log/tile/0/000",
        "/v1/log/tile/entries/000",
        "/v1/secrets/header-key",
        "/v1/secrets/env-key",
    ] {
        let (_, body) = scene.daemon.admin.raw(http::Method::GET, path, &[], Vec::new()).await.unwrap();
        surfaces.push((path.into(), body.to_vec()));
    }
    for place in 0..40 {
        for path in [format!("/v1/receipts/r{place}"), format!("/v1/why/r{place}")] {
            let (_, body) = scene.daemon.admin.raw(http::Method::GET, &path, &[], Vec::new()).await.unwrap();
            surfaces.push((path, body.to_vec()));
        }
    }
    for server in ["remote", "local"] {
        let path = format!("/v1/servers/{server}/test");
        let (_, body) = scene
            .daemon
            .admin
            .raw(http::Method::POST, &path, &[("content-type", "application/json")], b"{}".to_vec())
            .await
            .unwrap();
        surfaces.push((path, body.to_vec()));
    }
    let address = scene.daemon.console().trim_start_matches("http://").to_owned();
    for path in ["/", "/app.js", "/v1/status", "/v1/secrets", "/nothing"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        surfaces.push((format!("console {path}"), raw_http(&address, request.as_bytes()).await.body));
    }
    for file in ["cmdline", "environ"] {
        let bytes = std::fs::read(format!("/proc/{}/{file}", scene.daemon.id())).unwrap_or_default();
        surfaces.push((format!("/proc/daemon/{file}"), bytes));
    }
    surfaces.extend(more.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())));
    for (name, bytes) in &surfaces {
        assert_absent(header, name, bytes);
        assert_absent(env, name, bytes);
    }
}

/// Guards: the output filter on every channel of a server, in every encoding, for both kinds of credential.
#[tokio::test]
async fn p1_no_echo_in_any_shape_on_any_channel_reaches_anybody() {
    let planted = planted().await;
    let client = planted.scene.unopened(None, ClientEra::Legacy).answering(Box::new(decline));
    client.open().await.unwrap();
    // The servers really have them.
    let _ = client.call("remote__say", json!({})).await.unwrap();
    let _ = client.call("local__say", json!({})).await.unwrap();
    let expected = format!("Token {}", planted.header.value());
    assert!(planted.http.messages().iter().all(|message| message.headers.get("x-key") == Some(&expected)));
    let mut leaks = Vec::new();
    for (server, canary) in [("remote", &planted.header), ("local", &planted.env)] {
        for (shape, text) in shapes(canary) {
            // Each encoding on the plain channels; the raw secret on all of them.
            let channels = says(&text);
            let few = if shape == "JSON-escaped" { channels.len() } else { 2 };
            for (channel, act) in channels.into_iter().take(few) {
                let script = elsewhere(Script::one("say", act), &text);
                // Only the server with the secret can return it.
                if server == "remote" {
                    planted.http.set(script);
                } else {
                    planted.http.set(Script::one("say", MockAction::Echo));
                    planted.stdio.set(&script);
                }
                let before = client.received().len();
                walk(&client, server).await;
                if let Some(found) = found(canary, &client.received()[before..]) {
                    leaks.push(format!("{server}: {shape} on {channel} (seen as {found})"));
                }
            }
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    let mut client = client;
    let errors = client.process().errors().into_bytes();
    let id = client.process().id();
    let proc = |file: &str| std::fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
    let gateway = [
        ("the gateway's errors", errors),
        ("the gateway's command line", proc("cmdline")),
        ("the gateway's environment", proc("environ")),
    ];
    assert_nowhere(&planted, &gateway).await;
}

/// Guards: the same over HTTP, and in responses outside of MCP: bad status, bad JSON, a truncated response.
#[tokio::test]
async fn p1_no_error_of_a_server_carries_its_secret() {
    let planted = planted().await;
    let gateway = planted.scene.gateway().await;
    let value = planted.header.value();
    for era in [ClientEra::Legacy, ClientEra::Modern] {
        let client = gateway.client(era).answering(Box::new(decline));
        client.open().await.unwrap();
        client.call("remote__say", json!({})).await.unwrap();
        client.call("local__say", json!({})).await.unwrap();
        let raw = |text: String| MockAction::Raw { text };
        for act in [
            MockAction::Status { status: 401, body: format!("no such key {value}") },
            MockAction::Status { status: 500, body: format!("trace: x-key: {value}") },
            MockAction::Status { status: 200, body: value.clone() },
            raw(format!("not json {value}")),
            raw(format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{{"content":[]}},"{}":1}}"#, "x".repeat(9))),
            raw(json!({ "jsonrpc": "2.0", "id": value, "result": { "content": [] } }).to_string()),
            raw(json!({ "jsonrpc": "2.0", "id": 1, "method": value, "params": {} }).to_string()),
            MockAction::Redirect { status: 307, to: format!("/{}", value.replace('"', "%22").replace('<', "%3C")) },
            MockAction::Die,
        ] {
            planted.http.set(Script::one("say", act.clone()));
            let call = client.start("tools/call", json!({ "name": "remote__say", "arguments": {} })).await;
            let answered = tokio::time::timeout(std::time::Duration::from_secs(2), client.answer(call)).await;
            drop(answered);
            assert_absent(
                &planted.header,
                &format!("the agent's side after {act:?}").replace(&value, ""),
                &client.received(),
            );
        }
        planted.http.set(Script::one("say", MockAction::EchoSecrets));
        assert_absent(&planted.env, "the agent's side", &client.received());
    }
    let errors = gateway.process.errors().into_bytes();
    assert_nowhere(&planted, &[("the gateway's errors", errors)]).await;
}

/// Guards: a definition that repeats the secret is shown to nobody with it.
#[tokio::test]
async fn p1_a_definition_does_not_carry_the_secret() {
    let planted = planted().await;
    let value = planted.header.value();
    let mut definition = tool("say");
    definition["description"] = json!(format!("uses {value}"));
    definition["inputSchema"] = json!({ "type": "object", "properties": { "a": { "default": value } } });
    planted.http.set(Script { name: format!("I am {value}"), ..Script::with_tools(vec![definition]) });
    let admin = &planted.scene.daemon.admin;
    let probe: Value = admin.post("/v1/servers/remote/test", &json!({})).await;
    let change = json!({ "change": "accept_tools", "server": "remote", "probe": probe["digest"] });
    let preview: Value = admin.post("/v1/changes/preview", &change).await;
    assert_absent(&planted.header, "the preview", preview.to_string().as_bytes());
    planted.scene.change(change).await;
    for era in [ClientEra::Legacy, ClientEra::Modern] {
        let client = planted.scene.client(era).await;
        client.tool_names().await;
        let _ = client.call("remote__say", json!({})).await;
        assert_absent(&planted.header, "the agent's list of tools", &client.received());
    }
}
