//! Attack 63: what is sent beside the arguments is shown, bound, granted and recorded like them, or it is not sent.

use std::sync::Arc;

use briefcase_engine::{call::Call, call::Released, change::ChangeError};
use briefcase_ports::{FollowUp, Operation};
use briefcase_receipts::Kind;
use briefcase_types::{ApprovalRequest, ApprovalScope, Decision, Refusal, RefusalCode, ServerSettings};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::doubles::{Quiet, World, pin_evidence};

const SECRET: &str = "a-very-secret-token-0001";

fn with(world: &World, tool: &str, meta: &Value, task: Option<&Value>) -> Call {
    let mut call = world.call(tool, "{\"n\":1}");
    call.request.meta = Some(Bytes::from(meta.to_string()));
    call.request.members = task.into_iter().map(|task| ("task", Bytes::from(task.to_string()))).collect();
    call
}

async fn run(world: &World, call: Call) -> Result<Released, Refusal> {
    briefcase_engine::pipeline::run(&world.engine, call, Arc::new(Quiet)).await
}

/// A world whose server may have these members of `_meta`.
async fn forwarding(names: &[&str]) -> World {
    let world = World::new(vec![]);
    let forward_meta = names.iter().map(|name| (*name).to_owned()).collect();
    let settings = ServerSettings { forward_meta, ..ServerSettings::default() };
    world.change(|document| document.set_server_settings(&"files".parse().unwrap(), settings)).await;
    world
}

async fn decide(world: &World, scope: ApprovalScope) -> Result<ApprovalRequest, ChangeError> {
    let question = world.engine.approvals().pending(world.engine.now()).into_iter().next().expect("a question");
    let decision = Decision::Allow(scope);
    world.engine.decide(question.id, question.digest, decision, pin_evidence("right")).await?;
    Ok((*question).clone())
}

#[tokio::test]
async fn nothing_of_the_agent_is_sent_beside_the_arguments_by_default() {
    let world = World::new(vec![]);
    let private = json!({
        "progressToken": "PRIVATE-1",
        "traceparent": "00-50524956415445505249564154455052-5052495641544550-01",
        "tracestate": "v=PRIVATE-2",
        "baggage": "x".repeat(1 << 20),
        "io.modelcontextprotocol/x": { "y": "PRIVATE-3" },
        "io.modelcontextprotocol/clientInfo": { "name": "PRIVATE-4" },
        "io.modelcontextprotocol/clientCapabilities": { "experimental": { "PRIVATE-5": {} } },
        "io.modelcontextprotocol/logLevel": "info",
        "io.modelcontextprotocol/related-task": { "taskId": "PRIVATE-6" },
        "own": SECRET,
    });
    run(&world, with(&world, "look", &private, None)).await.unwrap();
    let sent = world.sent();
    let text = sent.to_string();
    assert!(!text.contains("PRIVATE") && !text.contains("5052495641") && !text.contains("xxxx"), "{text}");
    let meta = sent["_meta"].as_object().unwrap();
    let names: Vec<_> = meta.keys().map(String::as_str).collect();
    assert_eq!(names, ["io.modelcontextprotocol/logLevel", "progressToken", "traceparent"]);
    assert_eq!(meta["progressToken"].as_str().map(str::len), Some(22), "the daemon's own");
    for other in [
        json!({ "own": 1 }),
        json!({}),
        json!({ "io.modelcontextprotocol/logLevel": "debug" }),
        json!({ "progressToken": 7 }),
        json!({ "traceparent": "x" }),
    ] {
        run(&world, with(&world, "look", &other, None)).await.unwrap();
        let sent = world.sent();
        let names: Vec<_> = sent["_meta"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["io.modelcontextprotocol/logLevel", "progressToken", "traceparent"], "{other}");
        assert_eq!(sent["_meta"]["io.modelcontextprotocol/logLevel"], "info", "{other}");
    }
    // Members that are not sent are not read either: they cannot cause a refusal.
    for odd in [json!(null), json!([1]), json!({ "progressToken": { "a": 1 } })] {
        run(&world, with(&world, "look", &odd, None)).await.unwrap();
    }
}

#[tokio::test]
async fn a_member_that_a_person_lets_a_server_have_is_shown_bound_and_recorded() {
    let world = forwarding(&["baggage", "progressToken", "io.modelcontextprotocol/clientInfo"]).await;
    let meta = |text: &str| {
        json!({ "baggage": text, "tracestate": "PRIVATE", "progressToken": "PRIVATE",
                "io.modelcontextprotocol/clientInfo": { "name": "PRIVATE" } })
    };
    run(&world, with(&world, "change", &meta("one"), None)).await.unwrap_err();
    let question = decide(&world, ApprovalScope::Once).await.unwrap();
    assert_eq!(question.beside.as_deref(), Some(r#"{"_meta":{"baggage":"one"}}"#));
    let other = run(&world, with(&world, "change", &meta("two"), None)).await.unwrap_err();
    assert_eq!((other.code, world.effects()), (RefusalCode::Denied, 0), "another text is another call: {other:?}");
    run(&world, with(&world, "change", &meta("one"), None)).await.unwrap();
    assert_eq!(world.sent()["_meta"]["baggage"], "one");
    assert!(!world.sent().to_string().contains("PRIVATE"));
    let receipts = world.journal.receipts.lock().unwrap().clone();
    let words = receipts.iter().find_map(|receipt| match &receipt.kind {
        Kind::Intent(intent) => Some(intent.policies.iter().map(ToString::to_string).collect::<Vec<_>>()),
        _ => None,
    });
    assert!(words.unwrap().contains(&"with:_meta".to_owned()), "the receipt says what it commits to");
}

#[tokio::test]
async fn a_grant_of_exact_arguments_covers_the_members_beside_them() {
    for scope in [ApprovalScope::SessionExact, ApprovalScope::Rule { fixed: vec!["n".into()], seconds: 3600 }] {
        let world = forwarding(&["baggage"]).await;
        let call = |text: &str| with(&world, "change", &json!({ "baggage": text }), None);
        run(&world, call("one")).await.unwrap_err();
        decide(&world, scope.clone()).await.unwrap();
        run(&world, call("one")).await.unwrap();
        run(&world, call("one")).await.unwrap();
        assert_eq!(run(&world, call("two")).await.unwrap_err().code, RefusalCode::ApprovalRequired, "{scope:?}");
        assert_eq!(world.effects(), 2);
    }
}

#[tokio::test]
async fn a_grant_of_the_arguments_alone_covers_no_member_beside_them() {
    for scope in [
        ApprovalScope::SessionExact,
        ApprovalScope::SessionTool,
        ApprovalScope::Rule { fixed: vec!["n".into()], seconds: 3600 },
    ] {
        let world = forwarding(&["baggage"]).await;
        let call = |meta: Value, task: Option<&Value>| with(&world, "change", &meta, task);
        run(&world, call(json!({}), None)).await.unwrap_err();
        decide(&world, scope.clone()).await.unwrap();
        run(&world, call(json!({ "tracestate": "dropped" }), None)).await.unwrap();
        let with_meta = run(&world, call(json!({ "baggage": "x" }), None)).await.unwrap_err();
        assert_eq!(with_meta.code, RefusalCode::ApprovalRequired, "{scope:?}");
        assert_eq!(world.effects(), 1);
    }
    let world = World::new(vec![]);
    run(&world, with(&world, "change", &json!({}), None)).await.unwrap_err();
    decide(&world, ApprovalScope::SessionTool).await.unwrap();
    let as_task = run(&world, with(&world, "change", &json!({}), Some(&json!({ "ttl": 1 })))).await.unwrap_err();
    assert_eq!((as_task.code, world.effects()), (RefusalCode::ApprovalRequired, 0));
}

#[tokio::test]
async fn a_broad_grant_is_not_offered_for_a_call_with_members_beside_its_arguments() {
    let world = forwarding(&["baggage"]).await;
    run(&world, with(&world, "change", &json!({ "baggage": "x" }), None)).await.unwrap_err();
    for scope in [ApprovalScope::SessionTool, ApprovalScope::Rule { fixed: vec![], seconds: 3600 }] {
        assert!(decide(&world, scope).await.is_err());
    }
    decide(&world, ApprovalScope::Once).await.unwrap();
}

#[tokio::test]
async fn what_may_be_sent_is_capped_and_searched_for_credentials() {
    let world = forwarding(&["baggage"]).await;
    let refused = async |meta: Value| run(&world, with(&world, "look", &meta, None)).await.unwrap_err().reason;
    assert_eq!(refused(json!({ "baggage": "x".repeat(4096) })).await, "meta_too_large");
    assert_eq!(refused(json!({ "baggage": "x".repeat(1 << 20) })).await, "meta_too_large");
    assert_eq!(refused(json!({ "baggage": format!("k={SECRET}") })).await, "secret_in_arguments");
    assert_eq!(refused(json!({ "baggage": { SECRET: 1 } })).await, "secret_in_arguments");
    assert_eq!(world.effects(), 0);
    run(&world, with(&world, "look", &json!({ "baggage": "x".repeat(4000) }), None)).await.unwrap();
}

#[tokio::test]
async fn a_follow_up_takes_nothing_of_the_agent_with_it() {
    let world = forwarding(&["baggage"]).await;
    let all = "permit (principal, action, resource);";
    world.change(|document| document.set_policy(all.to_owned())).await;
    let mut call = with(&world, "look", &json!({ "baggage": "PRIVATE" }), None);
    let params = Bytes::from_static(br#"{"uri":"memo://a"}"#);
    call.request.operation = Operation::FollowUp { method: FollowUp::Subscribe, params };
    run(&world, call).await.unwrap();
    assert_eq!(world.sent(), json!({ "uri": "memo://a" }));
}

#[tokio::test]
async fn a_task_is_checked_shown_and_bound() {
    let world = World::new(vec![]);
    for bad in [json!({ "note": SECRET }), json!({ "ttl": "text" }), json!({ "ttl": 1, "x": {} }), json!("text")] {
        let refusal = run(&world, with(&world, "look", &json!({}), Some(&bad))).await.unwrap_err();
        assert_eq!((refusal.reason.as_str(), world.effects()), ("task", 0), "{bad}");
    }
    let task = |ttl: u64| with(&world, "change", &json!({}), Some(&json!({ "ttl": ttl })));
    run(&world, task(1)).await.unwrap_err();
    let question = decide(&world, ApprovalScope::SessionExact).await.unwrap();
    assert_eq!(question.beside.as_deref(), Some(r#"{"task":{"ttl":1}}"#));
    run(&world, task(1)).await.unwrap();
    assert_eq!(world.sent()["task"], json!({ "ttl": 1 }));
    assert_eq!(run(&world, task(2)).await.unwrap_err().code, RefusalCode::ApprovalRequired);
}

#[tokio::test]
async fn a_member_that_is_no_longer_allowed_voids_the_approval() {
    let world = forwarding(&["baggage"]).await;
    let call = || with(&world, "change", &json!({ "baggage": "x" }), None);
    run(&world, call()).await.unwrap_err();
    decide(&world, ApprovalScope::Once).await.unwrap();
    let none = ServerSettings::default();
    world.change(|document| document.set_server_settings(&"files".parse().unwrap(), none)).await;
    let refusal = run(&world, call()).await.unwrap_err();
    assert_eq!((refusal.code, world.effects()), (RefusalCode::Denied, 0), "the call is now another one: {refusal:?}");
}
