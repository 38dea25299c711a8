//! Attack 63: what is approved is all that is sent. Members beside the arguments are in the request, the digest, the grant
//! and the receipt, or they are not sent.

use briefcase_testkit::{ClientEra, HttpUpstream, Script, mock::SupportedEras, mock::tool};
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
        assert_eq!(own.collect::<Vec<_>>(), ["progressToken", "traceparent"], "{meta:?}");
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

/// Guards: what the agent writes beside equal arguments changes nothing in what arrives, and causes no further request.
#[tokio::test]
async fn attack_63_calls_that_differ_only_beside_their_arguments_arrive_alike() {
    for speaks in [SupportedEras::Legacy, SupportedEras::Modern] {
        let upstream = HttpUpstream::start(Script::with_tools(vec![tool("look")]).speaking(speaks)).await;
        let scene = Scene::new().await;
        scene.add_http("mock", &upstream, &["look"]).await;
        let client = scene.client(ClientEra::Modern).await;
        client.call("mock__look", json!({ "n": 1 })).await.unwrap();
        let before = upstream.messages().len();
        let metas = [
            json!({}),
            json!({ "io.modelcontextprotocol/logLevel": "debug" }),
            json!({ "io.modelcontextprotocol/logLevel": "alert" }),
            json!({ "progressToken": 1 }),
            json!({ "progressToken": "two" }),
            json!({ "traceparent": "00-50524956415445505249564154455052-5052495641544550-01" }),
            json!({ "own": true, "tracestate": "a=b" }),
        ];
        for meta in &metas {
            let params = json!({ "name": "mock__look", "arguments": { "n": 1 }, "_meta": meta });
            client.request("tools/call", params).await.unwrap();
        }
        let messages = upstream.messages().split_off(before);
        let others: Vec<&str> =
            messages.iter().map(|message| &*message.method).filter(|name| *name != "tools/list").collect();
        assert_eq!(others, vec!["tools/call"; metas.len()], "{speaks:?}");
        let alike = messages.iter().filter(|message| message.method == "tools/call").map(|message| {
            let mut params = message.message["params"].clone();
            for own in ["progressToken", "traceparent"] {
                assert!(params["_meta"][own].is_string(), "{params}");
                params["_meta"][own] = json!("of this call");
            }
            params.to_string()
        });
        let alike: std::collections::BTreeSet<String> = alike.collect();
        assert_eq!(alike.len(), 1, "{speaks:?}: {alike:?}");
    }
}
