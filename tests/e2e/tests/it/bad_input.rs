//! Everyday failures: each has a clear error with a next step, and no receipt is lost.

use std::os::unix::fs::PermissionsExt;

use briefcase_testkit::{
    ChildProcess, ClientEra, DaemonProcess, GatewayProcess, HttpUpstream, MockAction, Script, SetupOptions, TempHome,
    again_as_nobody, eventually, mock::tool, output_of,
};
use e2e::{Scene, assert_refused, refusal};
use http::Method;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpListener};

async fn assert_clean(home: &TempHome) {
    let report = Scene::fsck(home).await;
    assert_eq!(report["clean"], true, "{report}");
}

/// Every refusal to an agent has a next step.
fn next_step(answer: &Result<Value, briefcase_testkit::ErrorResponse>) -> String {
    let told = match answer {
        Ok(result) => &result["structuredContent"],
        Err(error) => &error.data,
    };
    let found = told.pointer("/briefcase/next_step").or_else(|| told.get("next_step"));
    found.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Guards: each kind of wrong call has its own error with an explanation, and the connection stays open.
#[tokio::test]
async fn an_agents_mistakes_are_explained() {
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    let strict = json!({ "name": "strict", "description": "wants a number", "inputSchema": schema });
    let upstream = HttpUpstream::start(Script::with_tools(vec![strict, tool("look")])).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["strict", "look"]).await;
    let client = scene.client(ClientEra::Legacy).await;
    for (name, arguments) in [
        ("mock__strict", json!({})),
        ("mock__strict", json!({ "n": "one" })),
        ("mock__strict", json!({ "n": 1.5 })),
        ("mock__nothing", json!({})),
    ] {
        let answer = client.call(name, arguments).await;
        assert!(refusal(&answer).is_some() || answer.is_err(), "{name}: {answer:?}");
        if refusal(&answer).is_some() {
            assert!(!next_step(&answer).is_empty(), "{name}: {answer:?}");
        }
    }
    for (method, params) in [
        ("tools/fly", json!({})),
        ("tools/call", json!({ "name": 7 })),
        ("tools/call", json!({})),
        ("tools/call", json!({ "name": "mock__look", "arguments": [1] })),
        ("resources/read", json!({ "uri": "nowhere" })),
        ("prompts/get", json!({ "name": "nobody__x" })),
    ] {
        let answer = client.request(method, params).await;
        assert!(answer.is_err() || refusal(&answer).is_some(), "{method}: {answer:?}");
    }
    client.call("mock__strict", json!({ "n": 1 })).await.unwrap();
    assert_eq!(upstream.effects().len(), 1);
}

/// Guards: every failure of a server is an `upstream_error` with a receipt, and the next call is served.
#[tokio::test]
async fn a_servers_failures_are_explained_and_recorded() {
    let raw = |text: &str| MockAction::Raw { text: text.into() };
    let acts = [
        ("die", MockAction::Die),
        ("utf8", MockAction::InvalidUtf8),
        ("wrong", raw(r#"{"jsonrpc":"2.0","id":"another","result":{}}"#)),
        ("text", raw("<html>502 Bad GatewayProcess</html>")),
        ("double", raw(r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[],"content":[{"type":"text","text":"x"}]}}"#)),
        ("s500", MockAction::Status { status: 500, body: "secret trace".into() }),
        ("s401", MockAction::Status { status: 401, body: "who are you".into() }),
        ("redirect", MockAction::Redirect { status: 307, to: "http://169.254.169.254/".into() }),
    ];
    let mut tools: Vec<Value> = acts.iter().map(|(name, _)| tool(name)).collect();
    tools.push(tool("look"));
    let again = tools.clone();
    let script = acts.iter().fold(Script::with_tools(tools), |script, (name, act)| script.on(name, act.clone()));
    let upstream = HttpUpstream::start(script).await;
    let scene = Scene::new().await;
    let names: Vec<&str> = acts.iter().map(|(name, _)| *name).chain(["look"]).collect();
    scene.add_http("mock", &upstream, &names).await;
    let client = scene.client(ClientEra::Legacy).await;
    for (name, _) in &acts {
        let answer = client.call(&format!("mock__{name}"), json!({})).await;
        let code = refusal(&answer);
        assert!(
            ["upstream_error", "oauth_required"].contains(&code.as_deref().unwrap_or("none")),
            "{name}: {answer:?}"
        );
        assert!(!next_step(&answer).is_empty(), "{name}: {answer:?}");
        client.call("mock__look", json!({ "after": name })).await.unwrap();
    }
    // A result of another structure is filtered and passed on like every other.
    let odd = json!({ "content": "not a list \u{1b}[2J\u{202e}" });
    upstream.set(Script::with_tools(again).on("look", MockAction::Result { result: odd }));
    let passed = client.call("mock__look", json!({})).await;
    let told = format!("{passed:?}");
    assert!(!told.contains("\\u{1b}") && !told.contains("\\u{202e}"), "{told}");
    drop(upstream);
    let gone = client.call("mock__look", json!({})).await;
    assert_refused!(&gone, "upstream_error");
    drop(client);
    let Scene { daemon, home, .. } = scene;
    daemon.stop().await;
    assert_clean(&home).await;
}

/// Guards: each cause of a failed daemon start has its own error with a next step.
#[tokio::test]
async fn a_daemon_that_cannot_start_says_why_and_what_to_do() {
    let empty = TempHome::new();
    let passphrase = json!({ "passphrase": SetupOptions::default().passphrase });
    let told = DaemonProcess::try_start(&empty, Some(&passphrase)).await.err().unwrap();
    assert!(told.contains("briefcase setup"), "not set up: {told}");
    let scene = Scene::new().await;
    let key = json!({ "unlock_key": scene.made.unlock_key });
    // A second daemon.
    let told = DaemonProcess::try_start(&scene.home, Some(&key)).await.err().unwrap();
    assert!(told.contains("already running") && told.contains("stop it first"), "{told}");
    // Set up twice.
    let mut command = DaemonProcess::command(&scene.home);
    command.arg("init");
    let wishes = json!({ "pin": "271828", "passphrase": "correct horse battery staple", "unlock_key": true });
    let again = output_of(command, wishes.to_string().as_bytes()).await;
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && told.contains("already") && told.contains("move the folder away"), "{told}");
    let _: Value = scene.daemon.admin.get("/v1/status").await;
    let Scene { daemon, home, .. } = scene;
    daemon.stop().await;
    // Wrong keys.
    for (wrong, word) in [
        (json!({ "passphrase": "not the one at all" }), "try again"),
        (json!({ "unlock_key": "BRIEFCASE-0000000" }), "eight groups"),
        (json!({ "nothing": 1 }), "unlock_key"),
    ] {
        let told = DaemonProcess::try_start(&home, Some(&wrong)).await.err().unwrap();
        assert!(told.contains(word), "{wrong}: {told}");
        assert!(!told.contains("not the one at all"), "{told}");
    }
    // An occupied console port.
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = DaemonProcess::command(&home);
    command.args(["run", "--console-port", &taken.local_addr().unwrap().port().to_string()]);
    let (mut process, _stdin, _stdout) = ChildProcess::start(command);
    assert!(!process.exited().await.success());
    assert!(process.errors().contains("--console-port"), "{}", process.errors());
    // A damaged vault.
    let vault = home.state().join("vault.json");
    let good = std::fs::read(&vault).unwrap();
    for bad in [&b"{"[..], b"", b"{\"slots\":[]}", b"\0\0\0\0", &good[..good.len() / 2]] {
        std::fs::write(&vault, bad).unwrap();
        let told = DaemonProcess::try_start(&home, Some(&key)).await.err().unwrap();
        assert!(told.contains("readable") || told.contains("vault"), "{told}");
        assert!(told.contains("restore") || told.contains("backup"), "no next step: {told}");
    }
    std::fs::write(&vault, &good).unwrap();
    DaemonProcess::start(&home, Some(&key)).await.stop().await;
    assert_clean(&home).await;
}

/// Guards: a locked briefcase refuses agents and decisions with the way to unlock, and a wrong key leaves it locked.
#[tokio::test]
async fn a_locked_briefcase_says_how_to_unlock_it() {
    let home = TempHome::new();
    let setup = SetupOptions::default();
    let made = DaemonProcess::set_up(&home, &setup).await;
    let daemon = DaemonProcess::start(&home, None).await;
    let client = GatewayProcess::stdio(&home, &made.token, None, ClientEra::Legacy);
    let refused = client.open().await.unwrap_err();
    assert!(refused.data["next_step"].as_str().unwrap().contains("briefcase unlock"), "{refused:?}");
    for path in ["/v1/approvals", "/v1/receipts", "/v1/policy", "/v1/secrets"] {
        let (status, body) = daemon.admin.send(Method::GET, path, None).await;
        assert_eq!((status, &body["code"]), (423, &json!("locked")), "{path}: {body}");
        assert!(body["next_step"].as_str().unwrap().contains("briefcase unlock"), "{body}");
    }
    for wrong in [json!({ "passphrase": "not the one" }), json!({ "unlock_key": "BRIEFCASE-1" })] {
        let (status, body) = daemon.admin.send(Method::POST, "/v1/unlock", Some(&wrong)).await;
        assert!(status == 403 || status == 400, "{body}");
        assert!(!body["next_step"].as_str().unwrap().is_empty(), "{body}");
        assert_eq!(daemon.admin.get::<Value>("/v1/status").await["state"], "locked");
    }
    // The check of a passphrase continues after its client disconnects.
    let body = json!({ "passphrase": setup.passphrase }).to_string();
    let length = body.len();
    let request = format!(
        "POST /v1/unlock HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let socket = home.runtime().join("admin.sock");
    eventually("an open briefcase", async || {
        let mut stream = tokio::net::UnixStream::connect(&socket).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        drop(stream);
        (daemon.admin.get::<Value>("/v1/status").await["state"] == "ready").then_some(())
    })
    .await;
    daemon.unlock(&setup).await;
    assert_eq!(daemon.admin.get::<Value>("/v1/status").await["state"], "ready");
}

/// Guards: a read-only database stops the start (or every effect) with an explanation. As root it proves nothing.
#[tokio::test]
async fn a_read_only_state_is_reported_and_loses_nothing() {
    if again_as_nobody("bad_input::a_read_only_state_is_reported_and_loses_nothing") {
        return;
    }
    let scene = Scene::new().await;
    let key = json!({ "unlock_key": scene.made.unlock_key });
    let Scene { daemon, home, .. } = scene;
    daemon.stop().await;
    let lock = |mode: u32| {
        for entry in std::fs::read_dir(home.state()).unwrap().flatten() {
            std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let folder = if mode == 0o400 { 0o500 } else { 0o700 };
        std::fs::set_permissions(home.state(), std::fs::Permissions::from_mode(folder)).unwrap();
    };
    lock(0o400);
    let told = DaemonProcess::try_start(&home, Some(&key)).await.err().unwrap();
    lock(0o600);
    assert!(told.contains("check") || told.contains("chmod") || told.contains("writable"), "{told}");
    DaemonProcess::start(&home, Some(&key)).await.stop().await;
    assert_clean(&home).await;
}

/// Guards: the gateway reports faults of its environment.
#[tokio::test]
async fn a_gateway_that_cannot_serve_says_why() {
    let scene = Scene::new().await;
    let unknown = format!("bca_{}", "A".repeat(43));
    let stranger = GatewayProcess::stdio(&scene.home, &unknown, None, ClientEra::Legacy);
    let refused = stranger.open().await.unwrap_err();
    assert!(refused.data["next_step"].as_str().unwrap().contains("briefcase agent add"), "{refused:?}");
    let missing = GatewayProcess::stdio(&scene.home, &scene.made.token, Some("nobody"), ClientEra::Legacy);
    let refused = missing.open().await.unwrap_err();
    assert!(refused.data["next_step"].as_str().unwrap().contains("briefcase server"), "{refused:?}");
    // A request for an unknown version is answered with a known one.
    let client = scene.unopened(None, ClientEra::Legacy);
    let params =
        json!({ "protocolVersion": "1999-01-01", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let opened = client.request("initialize", params).await.unwrap();
    assert!(opened["protocolVersion"].as_str().unwrap().starts_with("20"), "{opened}");
    let gateway = scene.gateway().await;
    let modern = gateway.client(ClientEra::Modern);
    let meta = json!({ "_meta": { "io.modelcontextprotocol/protocolVersion": "1999-01-01" } });
    let refused = modern.request("tools/list", meta).await.unwrap_err();
    assert!(!refused.message.is_empty(), "{refused:?}");
    // Without a daemon.
    let Scene { daemon, made, home, .. } = scene;
    daemon.stop().await;
    let alone = GatewayProcess::stdio(&home, &made.token, None, ClientEra::Legacy);
    let refused = alone.open().await.unwrap_err();
    assert!(refused.data["next_step"].as_str().unwrap().contains("briefcase up"), "{refused:?}");
}

/// Guards: a missing object is reported as missing, with the place to look, and never as damage.
#[tokio::test]
async fn a_missing_object_is_reported_as_missing() {
    let scene = Scene::new().await;
    let admin = &scene.daemon.admin;
    for (change, list) in [
        (json!({ "change": "remove_server", "name": "nope" }), "briefcase server list"),
        (json!({ "change": "remove_agent", "name": "nope" }), "briefcase agent list"),
        (json!({ "change": "remove_secret", "name": "nope" }), "briefcase secret list"),
        (json!({ "change": "revoke_grant", "id": "nope" }), "briefcase grants list"),
        (json!({ "change": "remove_factor", "id": "nope" }), "briefcase factor list"),
    ] {
        let (status, told) = admin.send(Method::POST, "/v1/changes/preview", Some(&change)).await;
        assert_eq!((status, told["code"].as_str()), (404, Some("not_found")), "{change}: {told}");
        assert!(told["next_step"].as_str().unwrap().contains(list), "{change}: {told}");
    }
    const DECIDE: &str = "/v1/approvals/AAAAAAAAAAAAAAAAAAAAAA/decision-digest";
    for (method, path, body, status, code) in [
        (Method::POST, "/v1/changes/preview", Some(json!({ "change": "fly" })), 422, "invalid"),
        (Method::POST, "/v1/challenge", Some(json!({ "digest": 5 })), 422, "invalid"),
        (Method::POST, DECIDE, Some(json!({ "decision": { "decision": "maybe" } })), 422, "invalid"),
        (Method::GET, "/v1/receipts/nonsense", None, 400, "invalid"),
        (Method::GET, "/v1/receipts?limit=many", None, 400, "invalid"),
        (Method::DELETE, "/v1/status", Some(json!({})), 405, "invalid"),
        (Method::GET, "/v1/no-such-route", None, 404, "not_found"),
    ] {
        let (got, told) = admin.send(method, path, body.as_ref()).await;
        assert_eq!((got, told["code"].as_str()), (status, Some(code)), "{path}: {told}");
        assert!(!told["message"].as_str().unwrap().is_empty() && !told["next_step"].as_str().unwrap().is_empty());
    }
    for path in ["/v1/receipts/r4000", "/v1/receipts/r18446744073709551615", "/v1/why/r4000"] {
        let (status, told) = admin.send(Method::GET, path, None).await;
        assert_eq!((status, told["code"].as_str()), (404, Some("not_found")), "{path}: {told}");
    }
}
