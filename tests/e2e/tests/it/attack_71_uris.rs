//! Attack 71: policy reads what the server will read, in every method that carries a URI, under the authority in force.

use briefcase_testkit::{ClientEra, HttpUpstream, Script, mock::tool};
use e2e::{Scene, assert_no_effect, assert_refused, refusal};
use serde_json::{Value, json};

const RULE: &str = r#"
@id("no-secret")
forbid (principal, action == Action::"read_resource", resource)
when { context.uri like "*secret*" || context.uri like "file:///etc/*" };
"#;

async fn scene() -> (Scene, HttpUpstream) {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("pay")])).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &[]).await;
    (scene, upstream)
}

async fn add_rule(scene: &Scene, rule: &str) {
    let policy: Value = scene.daemon.admin.get("/v1/policy").await;
    let text = format!("{}{rule}", policy["text"].as_str().unwrap());
    scene.change(json!({ "change": "set_policy", "text": text })).await;
}

const SPELLINGS: [&str; 17] = [
    "file:///data/secret",
    "file:///data/s%65cret",
    "file:///data/s%2565cret",
    "file:///data/%73%65%63%72%65%74",
    "file:///data/\u{ff53}ecret",
    "file:///data/se\u{200b}cret",
    "file:///data/se%E2%80%8Bcret",
    "file:///data/secret%00",
    "FILE:///ETC/../etc/passwd",
    "file:///tmp/../etc/passwd",
    "file:///tmp/%2e%2e/etc/passwd",
    "file:///tmp%2f..%2fetc/passwd",
    "file:\\\\\\etc\\passwd",
    "file:////etc/passwd",
    "file://localhost/etc/passwd",
    "https://SECRET.example:443/x",
    "https://\u{ff33}ecret.example/x",
];

/// Guards: no spelling of a forbidden URI reaches the server, by any method.
#[tokio::test]
async fn attack_71_a_rule_about_a_uri_holds_in_every_spelling_and_method() {
    let (scene, upstream) = scene().await;
    add_rule(&scene, RULE).await;
    let client = scene.client(ClientEra::Legacy).await;
    for uri in SPELLINGS {
        let named = format!("mock+{uri}");
        let argument = json!({ "name": "x", "value": "" });
        let template = json!({ "type": "ref/resource", "uri": named });
        for (method, params) in [
            ("resources/read", json!({ "uri": named })),
            ("resources/subscribe", json!({ "uri": named })),
            ("completion/complete", json!({ "ref": template, "argument": argument })),
            (
                "completion/complete",
                json!({
                    "ref": { "type": "ref/prompt", "name": "mock__p" }, "argument": { "name": "uri", "value": uri }
                }),
            ),
        ] {
            let answer = client.request(method, params).await;
            let code = refusal(&answer);
            assert!(matches!(code.as_deref(), Some("denied" | "invalid_args")), "{method} {uri}: {answer:?}");
        }
        let _ = client.request("resources/unsubscribe", json!({ "uri": named })).await;
    }
    let expanded = json!({
        "ref": { "type": "ref/resource", "uri": "mock+file:///{path}" }, "argument": { "name": "path", "value": "etc/passwd" }
    });
    assert_refused!(client.request("completion/complete", expanded).await, "denied");
    assert_no_effect!(upstream);
    for message in upstream.messages() {
        assert!(!message.method.contains("subscribe"), "{}", message.message);
    }
    let allowed = "mock+file:///data/report%20one.md";
    let argument = json!({ "name": "x", "value": "" });
    for (method, params) in [
        ("resources/subscribe", json!({ "uri": allowed })),
        ("completion/complete", json!({ "ref": { "type": "ref/resource", "uri": allowed }, "argument": argument })),
        (
            "completion/complete",
            json!({
                "ref": { "type": "ref/prompt", "name": "mock__p" },
                "argument": { "name": "uri", "value": "file:///data/report.md" }
            }),
        ),
    ] {
        let answer = client.request(method, params).await;
        let code = refusal(&answer);
        assert!(!matches!(code.as_deref(), Some("denied" | "invalid_args")), "{method} of an allowed URI: {answer:?}");
    }
    client.request("resources/read", json!({ "uri": allowed })).await.unwrap();
    let read = upstream.effects().into_iter().find(|effect| effect.method == "resources/read").unwrap();
    assert_eq!(read.name(), "file:///data/report%20one.md", "an allowed URI is sent as it was written");
}

/// Guards: an answer to a question of an older policy counts only if the new policy asks the same question.
#[tokio::test]
async fn attack_71_a_question_is_decided_again_under_the_next_policy() {
    let forbids = "\n@id(\"stop\") forbid (principal, action, resource);\n";
    let holds = "\n@id(\"hold\") forbid (principal, action, resource) unless { context.approved };\n";
    let elsewhere = "\n@id(\"elsewhere\") forbid (principal, action == Action::\"sample\", resource);\n";
    for (rule, code) in [(forbids, Some("denied")), (holds, Some("approval_required")), (elsewhere, None)] {
        let (scene, upstream) = scene().await;
        let client = scene.client(ClientEra::Legacy).await;
        let waiting = client.start("tools/call", json!({ "name": "mock__pay", "arguments": {} })).await;
        let question = scene.daemon.admin.question().await;
        add_rule(&scene, rule).await;
        let allow = json!({ "decision": "allow", "scope": "once" });
        let (status, body) = scene.daemon.admin.decide(&question, &allow, &scene.setup.pin).await;
        assert_eq!(status, 200, "{body}");
        let answer = client.answer(waiting).await;
        assert_eq!(refusal(&answer).as_deref(), code, "{rule}: {answer:?}");
        assert_eq!(upstream.effects().len(), usize::from(code.is_none()), "{rule}");
    }
}
