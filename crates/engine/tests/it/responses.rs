//! Attack 62: the client's response to a server's request leaves like the arguments of a call.

use briefcase_engine::server_requests::RequestOrigin;
use briefcase_policy::label::{Label, Labels};
use briefcase_ports::RpcError;
use briefcase_receipts::Kind;
use briefcase_types::{ApprovalScope, Decision};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::doubles::{World, pin_evidence};

const SECRET: &str = "a-very-secret-token-0001";

fn origin(world: &World) -> RequestOrigin {
    RequestOrigin { agent: world.session.agent.clone(), session: world.session.id, server: "files".parse().unwrap() }
}

async fn respond(world: &World, method: &str, response: &Value) -> Result<Value, RpcError> {
    let raw = Bytes::from(response.to_string());
    let sent = world.engine.admit_response(&origin(world), method, Ok(raw)).await?;
    Ok(serde_json::from_slice(&sent).unwrap())
}

fn notices(world: &World) -> Vec<String> {
    let receipts = world.journal.receipts.lock().unwrap();
    let word = |kind: &Kind| match kind {
        Kind::Notice(notice) => Some(notice.what.to_string()),
        _ => None,
    };
    receipts.iter().filter_map(|receipt| word(&receipt.kind)).collect()
}

async fn tainted() -> World {
    let world = World::new(vec![]);
    let external = Labels::NONE.with(Label::External);
    let tool = "look".parse().unwrap();
    let server = "files".parse().unwrap();
    world.change(|document| document.set_labels(&server, &tool, external)).await;
    let text = "@id(\"pass\") permit (principal, action == Action::\"elicit\", resource);\n\
                @id(\"hold\") forbid (principal, action, resource) when { context.labels.contains(\"private_data\") } \
                unless { context.approved };";
    world.change(|document| document.set_policy(text.to_owned())).await;
    let seen = Labels::NONE.with(Label::UntrustedContent).with(Label::PrivateData);
    world.labels.record(&world.session.agent, seen);
    world
}

#[tokio::test]
async fn a_response_leaves_after_its_receipt_and_without_members_of_its_own() {
    let world = World::new(vec![]);
    let response =
        json!({ "action": "accept", "content": { "name": "Ada" }, "_meta": { "baggage": "x" }, "note": "y" });
    let sent = respond(&world, "elicitation/create", &response).await.unwrap();
    assert_eq!(sent, json!({ "action": "accept", "content": { "name": "Ada" } }));
    assert_eq!(notices(&world), ["response_sent"]);
    let declined = json!({ "action": "decline", "content": { "name": "text" } });
    assert_eq!(respond(&world, "elicitation/create", &declined).await.unwrap(), json!({ "action": "decline" }));
    *world.journal.refuses.lock().unwrap() = Box::new(|kind| matches!(kind, Kind::Notice(_)));
    assert!(respond(&world, "elicitation/create", &response).await.is_err(), "no receipt, nothing leaves");
}

#[tokio::test]
async fn a_credential_leaves_in_no_response() {
    let world = World::new(vec![]);
    let root = |name: &str| json!({ "roots": [{ "uri": "file:///x", "name": name }] });
    for (method, response) in [
        ("elicitation/create", json!({ "action": "accept", "content": { "x": SECRET } })),
        ("elicitation/create", json!({ "action": "accept", "content": { SECRET: 1 } })),
        ("elicitation/create", json!({ "action": SECRET })),
        ("roots/list", root(SECRET)),
        ("roots/list", root("YS12ZXJ5LXNlY3JldC10b2tlbi0wMDAx")),
        ("sampling/createMessage", json!({ "role": "assistant", "model": SECRET, "content": {} })),
    ] {
        let error = respond(&world, method, &response).await.unwrap_err();
        assert!(!error.message.contains(SECRET) && error.data.is_none());
    }
    for odd in ["[1]", "{\"a\":1,\"a\":2}", "null", "{"] {
        let raw = Bytes::from_static(odd.as_bytes());
        assert!(world.engine.admit_response(&origin(&world), "roots/list", Ok(raw)).await.is_err(), "{odd}");
    }
    assert!(notices(&world).iter().all(|what| what == "response_refused"), "{:?}", notices(&world));
}

#[tokio::test]
async fn an_error_of_the_client_carries_no_text() {
    let world = World::new(vec![]);
    let error = RpcError { code: 424_242, message: "PRIVATE".into(), data: Some(Bytes::from_static(b"\"PRIVATE\"")) };
    let sent = world.engine.admit_response(&origin(&world), "roots/list", Err(error)).await.unwrap_err();
    assert_eq!((sent.code, sent.data, sent.message.contains("PRIVATE")), (-32_603, None, false));
}

#[tokio::test]
async fn while_a_rule_holds_what_leaves_a_person_sees_the_response_first() {
    let world = tainted().await;
    let response = json!({ "action": "accept", "content": { "note": "private text" } });
    for (allow, sent) in [(true, true), (false, false)] {
        let engine = world.engine.clone();
        let person = tokio::spawn(async move {
            let question = crate::people::first(&engine).await;
            let decision = if allow { Decision::Allow(ApprovalScope::Once) } else { Decision::Deny };
            engine.decide(question.id, question.digest, decision, pin_evidence("right")).await.unwrap();
            question
        });
        assert_eq!(respond(&world, "elicitation/create", &response).await.is_ok(), sent);
        let question = person.await.unwrap();
        assert_eq!(question.operation, "elicitation/create/response");
        assert!(question.arguments.contains("private text"), "{}", question.arguments);
    }
    // An answer without content tells the server nothing new.
    assert!(respond(&world, "elicitation/create", &json!({ "action": "decline" })).await.is_ok());
    assert!(respond(&world, "roots/list", &json!({ "roots": [] })).await.is_err(), "policy permits no roots");
}
