//! Attack 67: a server's greeting and definitions are outputs too. Its own secret in them reaches neither a person's screen,
//! nor the database, nor a log.

use base64::{Engine, engine::general_purpose::STANDARD};
use briefcase_testkit::{
    Canary, ClientEra, DaemonProcess, HttpUpstream, MockAction, Script, SetupOptions, TempHome, assert_absent,
    eventually, mock::SupportedEras, mock::tool, output_of, raw_http,
};
use e2e::{Scene, assert_refused};
use http::Method;
use serde_json::{Value, json};

use crate::receipt_checks::assert_fsck_clean;

/// A server that writes this text into every place of its greeting and its lists. `turn` makes another definition.
fn telling(text: &str, turn: usize) -> Script {
    let encoded = STANDARD.encode(text);
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let greeting = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": telling_capabilities(text),
        "serverInfo": {
            "name": format!("mock {text}"), "version": text, "title": text,
            "icons": [{ "src": format!("data:image/png;base64,{encoded}"), "mimeType": text }]
        },
        "instructions": format!("Use {text}.")
    });
    let definition = json!({
        "name": "say", "title": format!("Say {text} {turn}"), "description": format!("Says {text}\nand {encoded}."),
        "annotations": { "title": text, text: true, "readOnlyHint": true },
        "icons": [{ "src": format!("https://icons.example/{encoded}") }],
        "inputSchema": {
            "type": "object", "description": text,
            "properties": {
                text: { "type": "string" },
                "a": { "type": "string", "default": text, "enum": [text, encoded], "description": text }
            }
        },
        "outputSchema": { "type": "object", "title": text },
        "_meta": { "x": text, "y": [text] }
    });
    let mut script = Script::with_tools(vec![definition, tool(&format!("get_{plain}")), tool("plain")]);
    script.name = format!("mock {text}");
    script.resources = vec![json!({ "uri": format!("demo://{encoded}"), "name": text, "description": text })];
    script.prompts = vec![json!({ "name": "p", "title": text, "description": text })];
    script.on_method("initialize", MockAction::Result { result: greeting })
}

/// Capabilities with this text in every place where a server could write.
fn telling_capabilities(text: &str) -> Value {
    json!({
        "tools": { "listChanged": text, "x": text, text: true }, "resources": { "x": [text] }, "prompts": { text: {} },
        "completions": { "x": { "y": text } }, "logging": { "level": text }, "experimental": { "n": { "k": text }, text: {} },
        "extensions": { text: {}, "io.modelcontextprotocol/tasks": { "x": text } },
        "tasks": { "cancel": { "x": text }, "requests": { "tools": { "call": { "x": text } }, text: {} } }, text: {}
    })
}

/// Guards: a handshake has no text of a server that no filter saw, in either era.
#[tokio::test]
async fn attack_67_the_handshake_shows_an_agent_nothing_unfiltered() {
    for speaks in [SupportedEras::Legacy, SupportedEras::Modern] {
        let (scene, canary) = (Scene::new().await, Canary::new());
        let text = format!("{}\u{202e}", canary.value());
        scene.change(json!({ "change": "set_secret", "name": "key", "value": canary.value() })).await;
        let discovered = json!({
            "supportedVersions": ["2026-07-28"], "capabilities": telling_capabilities(&text), "instructions": text,
            "ttlMs": 0, "cacheScope": "private", "resultType": "complete"
        });
        let script = telling(&text, 1).speaking(speaks);
        let upstream = HttpUpstream::start(match speaks {
            SupportedEras::Modern => {
                let refused = MockAction::Error { code: -32601, message: "no".into() };
                script
                    .on_method("server/discover", MockAction::Result { result: discovered })
                    .on_method("initialize", refused)
            }
            _ => script,
        })
        .await;
        let headers = json!([{ "name": "X-Key", "value": "{secret}", "secret": "key" }]);
        let spec = json!({ "transport": "http", "url": upstream.url(), "headers": headers });
        scene.daemon.admin.add_server("mock", &spec, &["plain"], &scene.setup.pin).await;
        for view in [None, Some("mock")] {
            let info = json!({ "name": "c", "version": "1" });
            let opening = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info });
            let legacy = scene.unopened(view, ClientEra::Legacy).request("initialize", opening).await.unwrap();
            let modern = scene.unopened(view, ClientEra::Modern).request("server/discover", json!({})).await.unwrap();
            for (era, greeting) in [("legacy", legacy), ("modern", modern)] {
                let shown = greeting.to_string();
                assert_absent(&canary, &format!("{speaks:?}, {view:?}, {era}"), shown.as_bytes());
                assert!(!shown.contains('\u{202e}'), "{shown}");
                assert!(greeting["capabilities"]["tools"].is_object(), "{shown}");
                assert!(shown.contains("[redacted]"), "the instructions are shown, filtered: {shown}");
            }
        }
    }
}

/// A briefcase whose daemon logs everything.
async fn talkative() -> Scene {
    let (home, setup) = (TempHome::new(), SetupOptions::default());
    let made = DaemonProcess::set_up(&home, &setup).await;
    let mut command = DaemonProcess::command(&home);
    command.env("BRIEFCASE_LOG", "trace");
    let key = json!({ "unlock_key": made.unlock_key });
    let daemon = DaemonProcess::try_start_as(command, &home, Some(&key)).await.unwrap();
    Scene { daemon, setup, made, home }
}

/// What a person sees at the admin socket, in the CLI and in the console, and what is on disk and in the log.
async fn surfaces(scene: &Scene) -> Vec<(String, Vec<u8>)> {
    let mut found = vec![("the daemon's log".to_owned(), scene.daemon.log().into_bytes())];
    let paths = ["tools", "servers", "status", "doctor", "approvals", "receipts?limit=1000", "policy"];
    for path in paths {
        let (_, body) = scene.daemon.admin.raw(Method::GET, &format!("/v1/{path}"), &[], Vec::new()).await.unwrap();
        found.push((format!("GET /v1/{path}"), body.to_vec()));
    }
    for args in
        [&["server", "test", "mock"][..], &["tools"], &["tools", "mock"], &["server", "list"], &["receipts", "list"]]
    {
        for more in [&[][..], &["--json"]] {
            let mut command = scene.home.command("briefcase");
            command.args(args).args(more).env("BRIEFCASE_LOG", "trace");
            let output = output_of(command, b"").await;
            found.push((format!("briefcase {args:?} {more:?}"), [output.stdout, output.stderr].concat()));
        }
    }
    let login: Value = scene.daemon.admin.post("/v1/console/login", &json!({})).await;
    let code = login["url"].as_str().unwrap().split_once("#code=").unwrap().1.to_owned();
    let host = scene.daemon.console().trim_start_matches("http://").to_owned();
    let ours = format!("Host: {host}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n");
    let body = json!({ "code": code }).to_string();
    let length = body.len();
    let request = format!(
        "POST /v1/console/session HTTP/1.1\r\n{ours}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let given: Value = serde_json::from_slice(&raw_http(&host, request.as_bytes()).await.body).unwrap();
    let token = given["token"].as_str().unwrap();
    for (method, path) in paths.map(|path| ("GET", path)).into_iter().chain([("POST", "servers/mock/test")]) {
        let body = if method == "POST" { "{}" } else { "" };
        let length = body.len();
        let request = format!(
            "{method} /v1/{path} HTTP/1.1\r\n{ours}Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        found.push((format!("console {path}"), raw_http(&host, request.as_bytes()).await.body));
    }
    found.extend(scene.home.all_bytes().into_iter().map(|(path, bytes)| (path.display().to_string(), bytes)));
    found
}

async fn assert_nowhere(scene: &Scene, canary: &Canary, more: &[(&str, String)]) {
    for (name, bytes) in surfaces(scene).await {
        assert_absent(canary, &name, &bytes);
    }
    for (name, text) in more {
        assert_absent(canary, name, text.as_bytes());
    }
}

async fn test(scene: &Scene) -> Value {
    scene.daemon.admin.post("/v1/servers/mock/test", &json!({})).await
}

fn state<'a>(probe: &'a Value, name: &str) -> &'a Value {
    &probe["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == name).unwrap()["state"]
}

/// Guards: what a server says about itself is filtered like its results.
#[tokio::test]
async fn attack_67_a_secret_in_a_greeting_or_a_definition_is_nowhere() {
    let (scene, first) = (talkative().await, Canary::new());
    scene.change(json!({ "change": "set_secret", "name": "key", "value": first.value() })).await;
    let upstream = HttpUpstream::start(telling(&first.value(), 1)).await;
    let headers = json!([{ "name": "X-Key", "value": "{secret}", "secret": "key" }]);
    let spec = json!({ "transport": "http", "url": upstream.url(), "headers": headers });
    let added = scene.daemon.admin.add_server("mock", &spec, &["plain"], &scene.setup.pin).await;
    let tested = test(&scene).await;
    // The server is usable. Only the tool whose name contains the secret is not.
    for probe in [&added, &tested] {
        assert!(probe["calls_itself"].as_str().unwrap().contains("[redacted]"), "{probe}");
        let bad = probe["tools"].as_array().unwrap().iter().find(|tool| tool["state"] == "quarantined").unwrap();
        assert!(bad["summary"].as_str().unwrap().contains("contains a secret"), "{bad}");
    }
    assert_eq!((state(&tested, "say"), state(&tested, "plain")), (&json!("accepted"), &json!("accepted")));
    assert_nowhere(&scene, &first, &[("the probe", added.to_string()), ("the test", tested.to_string())]).await;

    // The agent sees the redacted definition and can call.
    let client = scene.client(ClientEra::Legacy).await;
    let tools = json!(client.tools().await);
    assert!(tools.to_string().contains("[redacted]") && tools.as_array().unwrap().len() == 2, "{tools}");
    assert_absent(&first, "the agent's list", tools.to_string().as_bytes());
    client.call("mock__plain", json!({})).await.unwrap();

    // A changed definition: the differences are shown without the secret, and stored without it.
    upstream.set(telling(&first.value(), 2));
    let changed = test(&scene).await;
    assert_eq!(state(&changed, "say"), "changed", "{changed}");
    assert!(changed.to_string().contains("/title"), "{changed}");
    scene.change(json!({ "change": "accept_tools", "server": "mock", "probe": changed["digest"], "tools": [] })).await;
    assert_nowhere(&scene, &first, &[("the differences", changed.to_string())]).await;

    // Another secret: the tool changed, although nothing that may be shown did.
    let second = Canary::new();
    scene.change(json!({ "change": "set_secret", "name": "key", "value": second.value() })).await;
    upstream.set(telling(&second.value(), 2));
    let rotated = test(&scene).await;
    assert_eq!(state(&rotated, "say"), "changed", "{rotated}");
    scene.change(json!({ "change": "accept_tools", "server": "mock", "probe": rotated["digest"], "tools": [] })).await;
    assert_eq!(state(&test(&scene).await, "say"), "accepted");
    assert_nowhere(&scene, &second, &[("the differences", rotated.to_string())]).await;

    // The daemon starts with what it stored, and still knows the tool.
    let scene = scene.after_a_crash().await;
    let client = scene.client(ClientEra::Legacy).await;
    client.call("mock__plain", json!({})).await.unwrap();
    assert_eq!(state(&test(&scene).await, "say"), "accepted");
    assert_nowhere(&scene, &second, &[]).await;
    assert_fsck_clean(scene).await;
}

/// Guards: an error that quotes the server is filtered too.
#[tokio::test]
async fn attack_67_a_secret_in_a_schema_that_cannot_be_used_is_nowhere() {
    let (scene, canary) = (talkative().await, Canary::new());
    let value = canary.value();
    scene.change(json!({ "change": "set_secret", "name": "key", "value": value })).await;
    let bad = |name: &str, schema: Value| json!({ "name": name, "description": value, "inputSchema": schema });
    let upstream = HttpUpstream::start(Script::with_tools(vec![
        bad("ref", json!({ "$ref": format!("#/{value}") })),
        bad("pattern", json!({ "type": "object", "properties": { "a": { "pattern": format!("(?={value}") } } })),
        bad("type", json!({ "type": value })),
        bad(&format!("name {value}"), json!({ "type": "object" })),
        bad("dialect", json!({ "$schema": format!("https://{value}"), "type": "object" })),
        bad(
            "strict",
            json!({
                "type": "object", "required": [value],
                "properties": {
                    "choice": { "enum": [value] }, "word": { "pattern": format!("^{}{value}$", "a".repeat(100)) },
                    "fixed": { "const": value }
                }
            }),
        ),
        tool("plain"),
    ]))
    .await;
    let headers = json!([{ "name": "X-Key", "value": "{secret}", "secret": "key" }]);
    let spec = json!({ "transport": "http", "url": upstream.url(), "headers": headers });
    let added = scene.daemon.admin.add_server("mock", &spec, &["plain"], &scene.setup.pin).await;
    let client = scene.client(ClientEra::Modern).await;
    assert!(added.to_string().contains("[redacted]"), "the server's texts are shown without the secret: {added}");
    let mut told = vec![("the probe", added.to_string())];
    // What the schema demands is quoted to the agent.
    for arguments in [json!({ "choice": "x" }), json!({ "word": "x" }), json!({ "fixed": "x" }), json!({})] {
        let answer = client.call("mock__strict", arguments).await;
        assert_refused!(answer.clone(), "invalid_args");
        told.push(("the agent", format!("{answer:?}")));
    }
    let mut waiting = Vec::new();
    for name in ["ref", "pattern", "type", "dialect"] {
        let params = json!({ "name": format!("mock__{name}"), "arguments": {} });
        waiting.push(client.start("tools/call", params).await);
    }
    let questions = eventually("four questions", async || {
        let open: Vec<Value> = scene.daemon.admin.get("/v1/approvals").await;
        (open.len() == waiting.len()).then_some(open)
    });
    let questions = questions.await;
    assert_nowhere(&scene, &canary, &told).await;
    for question in &questions {
        let (status, body) =
            scene.daemon.admin.decide(question, &json!({ "decision": "deny" }), &scene.setup.pin).await;
        assert_eq!(status, 200, "{body}");
    }
    for id in waiting {
        told.push(("the agent", format!("{:?}", client.answer(id).await)));
    }
    assert_nowhere(&scene, &canary, &told).await;
}
