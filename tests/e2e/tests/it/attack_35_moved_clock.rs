//! Attack 35, and other properties of time: the daemon's clocks are moved from outside, while it runs and between two
//! runs.

use briefcase_testkit::{ClientEra, HttpUpstream, McpClient, MockAction, Script, mock::SupportedEras, mock::tool};
use e2e::{MovedClock, Scene, refusal};
use serde_json::{Value, json};

use crate::receipt_checks::assert_recorded;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

async fn with_mock(scene: &Scene, script: Script, reads: &[&str]) -> HttpUpstream {
    let upstream = HttpUpstream::start(script).await;
    scene.add_http("mock", &upstream, reads).await;
    upstream
}

async fn open(scene: &Scene) -> Vec<Value> {
    scene.daemon.admin.get("/v1/approvals").await
}

/// Guards D2: a request without a decision in time expires, for the waiting call, for a late decision, and in the
/// receipts.
#[tokio::test]
async fn attack_23_a_question_expires_and_a_late_yes_counts_for_nothing() {
    let (scene, clock) = MovedClock::scene().await;
    let upstream = with_mock(&scene, Script::with_tools(vec![tool("pay")]), &[]).await;
    let client = scene.client(ClientEra::Legacy).await;
    let call = json!({ "name": "mock__pay", "arguments": { "n": 1 } });
    let waiting = client.start("tools/call", call.clone()).await;
    let question = scene.daemon.admin.question().await;
    clock.set(590, 0);
    assert_eq!(open(&scene).await.len(), 1, "it was over too early");
    clock.set(601, 0);
    assert!(open(&scene).await.is_empty(), "it is still open");
    let once = json!({ "decision": "allow", "scope": "once" });
    let (status, body) = scene.daemon.admin.decide(&question, &once, &scene.setup.pin).await;
    assert_eq!(status, 404, "{body}");
    assert_recorded(&scene, &client.answer(waiting).await, "approval_expired", "expired").await;
    assert!(upstream.effects().is_empty());
    // A repeated call is another request.
    let waiting = client.start("tools/call", call).await;
    let another = scene.daemon.admin.question().await;
    assert_ne!((&another["id"], &another["digest"]), (&question["id"], &question["digest"]));
    assert_eq!(scene.daemon.admin.decide(&another, &once, &scene.setup.pin).await.0, 200);
    client.answer(waiting).await.unwrap();
    assert_eq!(upstream.effects().len(), 1);
}

async fn looks(client: &McpClient) -> Option<String> {
    refusal(&client.call("mock__look", json!({})).await)
}

/// Guards: a clock that is turned back extends neither a budget window nor a saved approval, while the daemon runs and
/// across a restart. The time of the receipts never goes back.
#[tokio::test]
async fn attack_35_a_clock_turned_back_makes_nothing_last_longer() {
    let (scene, clock) = MovedClock::scene().await;
    let upstream = with_mock(&scene, Script::with_tools(vec![tool("look"), tool("pay")]), &["look"]).await;
    let budget = json!({ "change": "set_budget", "server": "mock", "tool": "look", "window": "day", "limit": "1" });
    scene.change(budget).await;
    let client = scene.client(ClientEra::Legacy).await;
    let pay = |n: u32| json!({ "name": "mock__pay", "arguments": { "to": "a", "n": n } });
    let waiting = client.start("tools/call", pay(0)).await;
    let question = scene.daemon.admin.question().await;
    let rule = json!({ "decision": "allow", "scope": "rule", "fixed": ["to"], "seconds": HOUR });
    assert_eq!(scene.daemon.admin.decide(&question, &rule, &scene.setup.pin).await.0, 200);
    client.answer(waiting).await.unwrap();
    client.request("tools/call", pay(1)).await.unwrap();
    assert_eq!(looks(&client).await, None);
    assert_eq!(looks(&client).await.as_deref(), Some("budget_exceeded"));
    // After two hours the saved approval has expired; no clock change restores it. The day's budget stays used.
    let effects = upstream.effects().len();
    for moved in [2 * HOUR, -HOUR, -DAY, -40 * DAY] {
        clock.set(moved, 0);
        let client = scene.client(ClientEra::Legacy).await;
        client.start("tools/call", pay(2)).await;
        assert_eq!(scene.daemon.admin.question().await["name"], "pay", "{moved}: the rule still holds");
        assert_eq!(looks(&client).await.as_deref(), Some("budget_exceeded"), "{moved}");
        client.close().await;
        let gone = async || open(&scene).await.is_empty().then_some(());
        briefcase_testkit::eventually("the question to be withdrawn", gone).await;
    }
    let scene = clock.after_a_crash(scene).await;
    let client = scene.client(ClientEra::Legacy).await;
    assert_eq!(looks(&client).await.as_deref(), Some("budget_exceeded"), "a restart at an older time");
    client.start("tools/call", pay(3)).await;
    assert_eq!(scene.daemon.admin.question().await["name"], "pay", "the rule came back with the restart");
    assert_eq!(upstream.effects().len(), effects);
    let times: Vec<u64> = scene.receipts().await.iter().map(|row| row["receipt"]["at"].as_u64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    // A day later the budget is new, so the clock was the limit. A longer step is attack 64.
    clock.set(25 * HOUR, 0);
    let _ = looks(&client).await;
    clock.set(48 * HOUR, 0);
    assert_eq!(looks(&client).await, None);
}

/// Guards: a suspended call waits a limited time for the client's retry. After that its handle is unknown.
#[tokio::test]
async fn attack_39_a_request_state_is_over_after_its_time() {
    let (scene, clock) = MovedClock::scene().await;
    let asks = MockAction::InputRequired {
        requests: json!({ "q": { "method": "elicitation/create", "params": {
            "mode": "form", "message": "Who?", "requestedSchema": { "type": "object", "properties": {} } } } }),
    };
    let script = Script::with_tools(vec![tool("look")]).on("look", asks).speaking(SupportedEras::Modern);
    let upstream = with_mock(&scene, script, &["look"]).await;
    let client = scene.client(ClientEra::Modern).await;
    let again = async |client: &McpClient, state: &Value| {
        let responses = json!({ "q": { "action": "accept", "content": {} } });
        let params =
            json!({ "name": "mock__look", "arguments": {}, "requestState": state, "inputResponses": responses });
        client.request("tools/call", params).await
    };
    let carried = || upstream.effects().iter().filter(|effect| effect.message.to_string().contains("accept")).count();
    // A retry in time is accepted, so the time limit ends the other.
    let asked = client.call("mock__look", json!({})).await.unwrap();
    again(&client, &asked["requestState"]).await.unwrap();
    assert_eq!(carried(), 1);
    let asked = client.call("mock__look", json!({})).await.unwrap();
    assert!(asked["requestState"].is_string(), "{asked}");
    clock.set(DAY, DAY);
    // A new conversation of the same agent: the old one may have been idle for too long.
    let client = scene.client(ClientEra::Modern).await;
    let late = again(&client, &asked["requestState"]).await;
    let told = late.expect_err("a handle of yesterday was taken");
    let unknown = again(&client, &json!("AAAAAAAAAAAAAAAAAAAAAA")).await.unwrap_err();
    assert_eq!((told.code, &told.message), (unknown.code, &unknown.message), "old and unknown are told apart");
    assert_eq!(carried(), 1);
}
