//! Attacks 19–21: exactly the approved call runs. The approval is bound to bytes, and they have one reading.

use briefcase_testkit::{ClientEra, ErrorResponse, HttpUpstream, McpClient, MockAction, Script, mock::tool, output_of};
use e2e::{Scene, assert_no_effect, assert_refused, refusal};
use serde_json::{Value, json};

async fn scene(upstream: &HttpUpstream) -> Scene {
    let scene = Scene::new().await;
    scene.add_http("mock", upstream, &["look"]).await;
    scene
}

fn script() -> Script {
    Script::with_tools(vec![tool("look"), tool("pay"), tool("send")])
}

async fn start(client: &McpClient, name: &str, arguments: Value) -> u64 {
    client.start("tools/call", json!({ "name": name, "arguments": arguments })).await
}

async fn allow(scene: &Scene, question: &Value) -> (u16, Value) {
    scene.daemon.admin.decide(question, &json!({ "decision": "allow", "scope": "once" }), &scene.setup.pin).await
}

/// Guards: the request's digest covers every field, and a decision names the shown digest.
#[tokio::test]
async fn attack_19_a_decision_about_another_request_is_refused() {
    let upstream = HttpUpstream::start(script()).await;
    let scene = scene(&upstream).await;
    let client = scene.client(ClientEra::Legacy).await;
    let waiting = start(&client, "mock__pay", json!({ "to": "alice", "amount": 1 })).await;
    let question = scene.daemon.admin.question().await;
    let digest = question["digest"].as_str().unwrap();
    for at in 0..digest.len() {
        let mut flipped = digest.as_bytes().to_vec();
        flipped[at] = if flipped[at] == b'a' { b'b' } else { b'a' };
        let mut forged = question.clone();
        forged["digest"] = json!(String::from_utf8(flipped).unwrap());
        if forged["digest"] != question["digest"] {
            let (status, body) = allow(&scene, &forged).await;
            assert!((400..500).contains(&status), "{status} {body}");
        }
    }
    assert_no_effect!(upstream);
    assert_eq!(scene.daemon.admin.question().await, question, "it still stands, unchanged");
    assert_eq!(allow(&scene, &question).await.0, 200);
    let answer = client.answer(waiting).await;
    if let Some(code) = refusal(&answer) {
        assert_eq!(code, "approval_required", "{answer:?}");
        // On a slow machine the call stops waiting before the last digest is tried. The same call gets the approval.
        client.call("mock__pay", json!({ "to": "alice", "amount": 1 })).await.unwrap();
    }
    assert_eq!(upstream.effects().len(), 1);
}

/// Guards: after the decision, and before it sends, the daemon checks definition, price, policy, server and agent
/// again.
#[tokio::test]
async fn attack_19_a_change_while_the_request_is_open_voids_the_decision() {
    let changed = json!({ "name": "pay", "description": "pay twice", "inputSchema": { "type": "object" } });
    let forbid =
        r#"@id("no-pay") forbid (principal, action in Action::"call", resource) when { context.class == "unknown" };"#;
    let price = json!({ "change": "set_tool", "server": "mock", "tool": "pay", "cost": "9.00 USD" });
    let off = json!({ "change": "enable_server", "name": "mock", "enabled": false });
    let gone = json!({ "change": "remove_agent", "name": "default" });
    for (what, change) in [
        ("definition", None),
        ("price", Some(price)),
        ("policy", Some(json!(forbid))),
        ("server", Some(off)),
        ("agent", Some(gone)),
    ] {
        let upstream = HttpUpstream::start(script()).await;
        let scene = scene(&upstream).await;
        let client = scene.client(ClientEra::Legacy).await;
        let waiting = start(&client, "mock__pay", json!({ "amount": 1 })).await;
        let question = scene.daemon.admin.question().await;
        match change {
            None => upstream.set(Script::with_tools(vec![tool("look"), changed.clone(), tool("send")])),
            Some(Value::String(text)) => {
                let policy: Value = scene.daemon.admin.get("/v1/policy").await;
                let text = format!("{}\n{text}", policy["text"].as_str().unwrap());
                scene.change(json!({ "change": "set_policy", "text": text })).await;
            }
            Some(change) => drop(scene.change(change).await),
        }
        allow(&scene, &question).await;
        let answer = client.answer(waiting).await;
        assert!(e2e::refusal(&answer).is_some(), "{what}: {answer:?}");
        assert!(upstream.effects().is_empty(), "{what}: {:?}", upstream.effects());
    }
}

/// Guards: exactly one call consumes a decision, and only the call that asked.
#[tokio::test]
async fn attack_19_one_answer_is_one_effect() {
    let upstream = HttpUpstream::start(script()).await;
    let scene = scene(&upstream).await;
    let (one, two) = (scene.client(ClientEra::Legacy).await, scene.client(ClientEra::Legacy).await);
    let first = start(&one, "mock__pay", json!({ "amount": 1 })).await;
    let question = scene.daemon.admin.question().await;
    let same = start(&two, "mock__pay", json!({ "amount": 1 })).await;
    let other = start(&two, "mock__pay", json!({ "amount": 1000 })).await;
    let (same, other) = (two.answer(same).await, two.answer(other).await);
    assert!(e2e::refusal(&same).is_some() && e2e::refusal(&other).is_some(), "{same:?} {other:?}");
    assert_eq!(allow(&scene, &question).await.0, 200);
    one.answer(first).await.unwrap();
    assert_eq!(upstream.effects().len(), 1);
    assert_eq!(upstream.effects()[0].arguments(), &json!({ "amount": 1 }));
    // The same call again is another request.
    let again = start(&one, "mock__pay", json!({ "amount": 1 })).await;
    let next = scene.daemon.admin.question().await;
    assert_ne!(next["id"], question["id"]);
    let (status, _) = scene.daemon.admin.decide(&next, &json!({ "decision": "deny" }), &scene.setup.pin).await;
    assert_eq!(status, 200);
    assert_refused!(one.answer(again).await, "denied");
    assert_eq!(upstream.effects().len(), 1);
}

/// Guards: the person sees the canonical text of the sent arguments, and nothing in it moves the terminal.
#[tokio::test]
async fn attack_20_the_person_sees_the_bytes_that_are_sent() {
    let upstream = HttpUpstream::start(script()).await;
    let scene = scene(&upstream).await;
    let client = scene.client(ClientEra::Legacy).await;
    let nasty = [
        json!({ "to": "alice\u{202e}moc.live@bob" }),
        json!({ "to": format!("alice{}bob", "\n".repeat(10_000)) }),
        json!({ "to": "alice\u{1b}[2K\u{1b}[1Gbob", "\u{1b}]0;x\u{7}": 1 }),
        json!({ "host": "https://\u{430}pple.com/", "amount": 100_000_000.0 }),
        json!({ "html": "<script>alert(1)</script><b style=display:none>", "tag": "a\u{e0041}\u{200b}b" }),
    ];
    for arguments in nasty {
        let waiting = start(&client, "mock__pay", arguments.clone()).await;
        let question = scene.daemon.admin.question().await;
        let shown: Value = serde_json::from_str(question["arguments"].as_str().unwrap()).unwrap();
        // The receipts about it, printed by the CLI, do not move a terminal either.
        let mut command = scene.home.command("briefcase");
        command.args(["receipts", "list"]);
        let listed = output_of(command, b"").await;
        let text = String::from_utf8_lossy(&[listed.stdout, listed.stderr].concat()).into_owned();
        let moves = |c: &char| (c.is_control() && *c != '\n') || "\u{202e}\u{200b}\u{e0041}".contains(*c);
        assert_eq!(text.chars().find(moves), None, "{text:?}");
        assert!(text.contains("approval"), "{text}");
        assert_eq!(allow(&scene, &question).await.0, 200);
        client.answer(waiting).await.unwrap();
        let sent = upstream.effects().pop().unwrap();
        assert_eq!(sent.arguments(), &shown, "shown and sent differ");
    }
}

/// Guards: arguments with two readings reach nobody, on any transport.
#[tokio::test]
async fn attack_21_arguments_with_two_readings_are_refused() {
    let upstream = HttpUpstream::start(script()).await;
    let scene = scene(&upstream).await;
    let gateway = scene.gateway().await;
    let overflow = format!("{{\"a\":{}}}", "9".repeat(400));
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let deep = format!("{{\"a\":{deep}}}");
    let refused = [
        r#"{"to":"alice","to":"bob"}"#,
        r#"{"to":"alice","t\u006f":"bob"}"#,
        r#"{"a":1e400}"#,
        &overflow,
        r#"{"a":9007199254740993}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"a":"\udc00\ud800"}"#,
        r#"{"a":01}"#,
        r#"{"a":NaN}"#,
        r#"{"a":+1}"#,
        r#"{'a':1}"#,
        r#"{"a":1,}"#,
        r#"{"a":1/*,"b":2*/}"#,
        "{\"a\":\"tab\there\"}",
        "\u{feff}{\"a\":1}",
        r#"{"a":1}}{"b":2"#,
        &deep,
        r#"[1]"#,
        "null,\"arguments\":{\"a\":1}",
    ];
    for client in [scene.client(ClientEra::Legacy).await, gateway.client(ClientEra::Modern)] {
        for (number, arguments) in (1_000_000..).zip(refused) {
            let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#;
            let text = format!(
                r#"{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{{{meta},"name":"mock__look","arguments":{arguments}}}}}"#
            );
            client.send_bytes(text.into_bytes()).await;
        }
        // A call after all of them shows that they were read.
        client.call("mock__look", json!({ "a": "end" })).await.unwrap();
        for effect in upstream.effects() {
            assert_eq!(effect.arguments(), &json!({ "a": "end" }), "two readings reached the server");
        }
    }
    assert_eq!(upstream.effects().len(), 2);
}

/// Guards: the daemon forwards the canonical form that was hashed, not the client's spelling.
#[tokio::test]
async fn attack_21_only_the_canonical_form_is_forwarded() {
    let upstream = HttpUpstream::start(script().on("look", MockAction::Echo)).await;
    let scene = scene(&upstream).await;
    let client = scene.client(ClientEra::Legacy).await;
    let spelled = [
        (r#"{"b" : 1.0e1, "a":"\u0041"}"#, "{\"a\":\"A\",\"b\":10}"),
        (r#"{ "\u00e9":"e\u0301","a":[ 1.50 , true ]}"#, "{\"a\":[1.5,true],\"é\":\"e\u{301}\"}"),
    ];
    for (id, (text, canonical)) in (77..).zip(spelled) {
        let call = r#"{"jsonrpc":"2.0","id":ID,"method":"tools/call","params":{"name":"mock__look","arguments":ARGS}}"#;
        client.send_bytes(call.replace("ID", &id.to_string()).replace("ARGS", text).into_bytes()).await;
        let answer: Result<Value, ErrorResponse> = client.answer(id).await;
        // The mock answers with the received text.
        assert_eq!(answer.unwrap()["content"][0]["text"], canonical);
    }
}
