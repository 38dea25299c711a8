//! Attack 63: what is approved is all that is sent. Members beside the arguments are in the request, the digest, the grant
//! and the receipt, or they are not sent.

use briefcase_testkit::{ClientEra, HttpUpstream, Script, mock::tool};
use e2e::{Scene, assert_refused};
use serde_json::{Value, json};

async fn scene() -> (Scene, HttpUpstream) {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("look"), tool("pay")])).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look"]).await;
    (scene, upstream)
}

fn call(name: &str, baggage: &str, task: Option<u64>) -> Value {
    let meta = json!({
        "baggage": baggage, "tracestate": "a=b", "progressToken": "mine", "io.modelcontextprotocol/x": { "y": 1 }
    });
    let mut params = json!({ "name": name, "arguments": { "n": 1 }, "_meta": meta });
    if let Some(ttl) = task {
        params["task"] = json!({ "ttl": ttl });
    }
    params
}

/// Guards: by default nothing of the agent rides along, however large.
#[tokio::test]
async fn attack_63_members_of_the_agent_do_not_ride_along() {
    let (scene, upstream) = scene().await;
    for era in [ClientEra::Legacy, ClientEra::Modern] {
        let client = scene.client(era).await;
        client.request("tools/call", call("mock__look", &"x".repeat(1 << 20), None)).await.unwrap();
        let waiting = client.start("tools/call", call("mock__pay", &"x".repeat(1 << 20), None)).await;
        let question = scene.allow_next().await;
        assert!(question.get("beside").is_none(), "{question}");
        client.answer(waiting).await.unwrap();
    }
    for effect in upstream.effects() {
        let meta = effect.message["params"]["_meta"].as_object().unwrap();
        let own = meta.keys().filter(|name| !name.starts_with("io.modelcontextprotocol/client"));
        assert_eq!(own.collect::<Vec<_>>(), ["progressToken"], "{meta:?}");
        assert_ne!(meta["progressToken"], "mine");
    }
}

/// Guards: a member that a person lets a server have is shown, bound, granted and recorded with the arguments.
#[tokio::test]
async fn attack_63_a_member_that_is_sent_is_part_of_the_decision() {
    let (scene, upstream) = scene().await;
    scene.change(json!({ "change": "set_server", "name": "mock", "settings": { "forward_meta": ["baggage"] } })).await;
    let client = scene.client(ClientEra::Legacy).await;
    let admin = &scene.daemon.admin;
    let refused = client.request("tools/call", call("mock__look", &"x".repeat(1 << 20), None)).await;
    assert_refused!(refused, "invalid_args");

    let waiting = client.start("tools/call", call("mock__pay", "one", Some(60_000))).await;
    let question = admin.question().await;
    let beside: Value = serde_json::from_str(question["beside"].as_str().expect("it is shown")).unwrap();
    assert_eq!(beside, json!({ "_meta": { "baggage": "one" }, "task": { "ttl": 60_000 } }));
    let broad = json!({ "decision": "allow", "scope": "session_tool" });
    assert_ne!(
        admin.decide(&question, &broad, &scene.setup.pin).await.0,
        200,
        "such a grant would not say what is sent"
    );
    let exact = json!({ "decision": "allow", "scope": "session_exact" });
    assert_eq!(admin.decide(&question, &exact, &scene.setup.pin).await.0, 200);
    client.answer(waiting).await.unwrap();
    client.request("tools/call", call("mock__pay", "one", Some(60_000))).await.unwrap();
    assert_eq!(upstream.effects().len(), 2, "the same members are covered");
    for (baggage, task) in [("two", Some(60_000)), ("one", Some(60_001)), ("one", None)] {
        let waiting = client.start("tools/call", call("mock__pay", baggage, task)).await;
        let question = admin.question().await;
        admin.decide(&question, &json!({ "decision": "allow", "scope": "once" }), &scene.setup.pin).await;
        client.answer(waiting).await.unwrap();
    }
    let intent = scene.receipts().await.into_iter().find(|row| row["receipt"]["decision"] == "approved").unwrap();
    let detail: Value = admin.get(&format!("/v1/receipts/{}", intent["id"].as_str().unwrap())).await;
    assert_eq!(detail["opening"]["_meta"], json!({ "baggage": "one" }), "{detail}");
    assert_eq!(detail["opening"]["arguments"], json!({ "n": 1 }));
}
