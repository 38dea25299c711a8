//! The main job: an agent's client calls real tools. One call runs, one is denied, one waits for a person.

use briefcase_testkit::{ClientEra, HttpUpstream, MockAction, Script, mock::tool};
use e2e::{Scene, assert_no_effect, assert_refused};
use serde_json::json;

#[tokio::test]
async fn a_read_runs_a_write_waits_for_a_person_and_each_leaves_receipts() {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("look"), tool("change")])).await;
    for era in [ClientEra::Legacy, ClientEra::Modern] {
        let scene = Scene::new().await;
        scene.add_http("mock", &upstream, &["look"]).await;
        let client = scene.client(era).await;
        assert_eq!(client.tool_names().await, ["mock__look", "mock__change"]);

        let seen = client.call("mock__look", json!({ "a": 1 })).await.unwrap();
        assert_eq!(seen["content"][0]["text"], r#"{"a":1}"#);

        let before = upstream.effects().len();
        let waiting = client.start("tools/call", json!({ "name": "mock__change", "arguments": { "b": 2 } })).await;
        let question = scene.allow_next().await;
        assert_eq!(question["arguments"], r#"{"b":2}"#);
        let changed = client.answer(waiting).await.unwrap();
        assert_eq!(changed["content"][0]["text"], r#"{"b":2}"#);
        assert_eq!(upstream.effects().len(), before + 1);
        assert!(scene.receipts().await.len() >= 4, "an intent and an outcome for each call");
    }
}

#[tokio::test]
async fn a_denied_call_never_reaches_the_server() {
    let upstream = HttpUpstream::start(Script::one("change", MockAction::Echo)).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &[]).await;
    let client = scene.client(ClientEra::Legacy).await;
    let waiting = client.start("tools/call", json!({ "name": "mock__change", "arguments": {} })).await;
    let question = scene.daemon.admin.question().await;
    let (status, _) = scene.daemon.admin.decide(&question, &json!({ "decision": "deny" }), &scene.setup.pin).await;
    assert_eq!(status, 200);
    assert_refused!(client.answer(waiting).await, "denied");
    assert_no_effect!(upstream);
}
