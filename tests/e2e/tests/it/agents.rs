//! Agents: several at once (A6), calls that wait for a person (A4), and refusals with a next step (A5).

use briefcase_testkit::{ClientEra, GatewayProcess, HttpUpstream, MockAction, Script, eventually, mock::tool};
use e2e::{Scene, assert_refused};
use serde_json::{Value, json};

use crate::receipt_checks::{assert_recorded, receipts};

async fn changing() -> (Scene, HttpUpstream) {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("look"), tool("change")])).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look"]).await;
    (scene, upstream)
}

/// A6: each agent has its own identity, policy, budget and receipts.
#[tokio::test]
async fn two_agents_have_separate_policies_budgets_and_receipts() {
    let (scene, upstream) = changing().await;
    let token = scene.daemon.admin.add_agent("second", &scene.setup.pin).await;
    let first = scene.client(ClientEra::Legacy).await;
    let second = GatewayProcess::stdio(&scene.home, &token, None, ClientEra::Modern);
    second.open().await.unwrap();
    let budget = json!({ "change": "set_budget", "agent": "second", "window": "day", "limit": "3" });
    scene.change(budget).await;
    for n in 0..3 {
        let (one, two) =
            tokio::join!(first.call("mock__look", json!({ "n": n })), second.call("mock__look", json!({ "n": n })));
        one.unwrap();
        two.unwrap();
    }
    assert_recorded(&scene, &second.call("mock__look", json!({})).await, "budget_exceeded", "budget").await;
    first.call("mock__look", json!({})).await.unwrap();
    // A decision about one agent's request applies to that agent.
    let waiting = first.start("tools/call", json!({ "name": "mock__change", "arguments": { "by": 1 } })).await;
    let question = scene.allow_next().await;
    assert_eq!(question["agent"], "default");
    first.answer(waiting).await.unwrap();
    let of = |kept: &[Value], agent: &str| {
        kept.iter().filter(|receipt| receipt["k"] == "intent" && receipt["agent"] == agent).count()
    };
    let kept = receipts(&scene).await;
    assert_eq!((of(&kept, "default"), of(&kept, "second")), (5, 3));
    let page: Value = scene.daemon.admin.get("/v1/receipts?agent=second&limit=1000").await;
    let others = page["receipts"].as_array().unwrap().iter().filter(|row| row["receipt"]["agent"] == "default").count();
    assert_eq!(others, 0, "{page}");
    // One agent is removed; the other stays.
    scene.change(json!({ "change": "remove_agent", "name": "second" })).await;
    let before = upstream.effects().len();
    let gone = GatewayProcess::stdio(&scene.home, &token, None, ClientEra::Legacy);
    let entered = tokio::time::timeout(std::time::Duration::from_secs(5), gone.request("ping", json!({}))).await;
    assert!(!matches!(entered, Ok(Ok(_))), "a removed agent is let in");
    assert_eq!(upstream.effects().len(), before);
    first.call("mock__look", json!({})).await.unwrap();
}

/// A4: a client that requested progress is notified of the wait, and of the place to decide.
#[tokio::test]
async fn a_waiting_call_reports_its_progress_and_continues() {
    let (scene, upstream) = changing().await;
    for era in [ClientEra::Legacy, ClientEra::Modern] {
        let client = scene.client(era).await;
        let call = json!({ "name": "mock__change", "arguments": { "era": era.version() }, "_meta": { "progressToken": "mine" } });
        let waiting = client.start("tools/call", call).await;
        let told = client.notification("notifications/progress").await;
        assert_eq!(told["params"]["progressToken"], "mine", "{told}");
        let message = told["params"]["message"].as_str().unwrap();
        assert!(message.contains("approve") && message.contains("/approvals"), "{message}");
        let before = upstream.effects().len();
        scene.allow_next().await;
        client.answer(waiting).await.unwrap();
        assert_eq!(upstream.effects().len(), before + 1);
    }
}

/// A4: a client without a progress token gets `approval_required` with an id. A later identical call uses the decision,
/// once.
#[tokio::test]
async fn the_same_call_made_again_picks_the_answer_up() {
    let (scene, upstream) = changing().await;
    let client = scene.client(ClientEra::Legacy).await;
    let call = json!({ "name": "mock__change", "arguments": { "to": "a" } });
    let waiting = client.start("tools/call", call.clone()).await;
    let question = scene.daemon.admin.question().await;
    // Longer than the daemon lets a client without progress wait, which is 50 seconds.
    let answered = eventually_answered(&client, waiting).await;
    assert_refused!(answered.clone(), "approval_required");
    let refusal = answered.unwrap()["structuredContent"].clone();
    assert_eq!(refusal["approval"], question["id"], "{refusal}");
    assert_eq!(upstream.effects().len(), 0);
    scene.allow_next().await;
    client.request("tools/call", call.clone()).await.unwrap();
    assert_eq!(upstream.effects().len(), 1);
    // The decision is consumed: a third call asks again.
    client.start("tools/call", call).await;
    let another = scene.daemon.admin.question().await;
    assert_ne!(another["id"], question["id"]);
    assert_eq!(upstream.effects().len(), 1);
}

/// The inbox stops waiting after half a minute, so this waits for the bytes first.
async fn eventually_answered(
    client: &briefcase_testkit::McpClient,
    id: u64,
) -> Result<Value, briefcase_testkit::ErrorResponse> {
    let mark = format!("\"id\":{id},");
    for _ in 0..3 {
        let came = tokio::time::timeout(std::time::Duration::from_secs(29), async {
            while !String::from_utf8_lossy(&client.received()).contains(&mark) {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        });
        if came.await.is_ok() {
            break;
        }
    }
    client.answer(id).await
}

/// A4: a client that can open URLs gets the URL of the approval. Its answer has no authority.
#[tokio::test]
async fn a_client_that_opens_addresses_gets_the_approval_link() {
    let (scene, upstream) = changing().await;
    let accept = |request: &Value| (request["method"] == "elicitation/create").then(|| json!({ "action": "accept" }));
    let legacy = scene
        .unopened(None, ClientEra::Legacy)
        .declaring(json!({ "elicitation": { "url": {} } }))
        .answering(Box::new(accept));
    legacy.open().await.unwrap();
    let waiting = legacy.start("tools/call", json!({ "name": "mock__change", "arguments": { "n": 1 } })).await;
    let asked = eventually("the link", async || legacy.server_requests().into_iter().next()).await;
    assert_eq!((&asked["method"], &asked["params"]["mode"]), (&json!("elicitation/create"), &json!("url")), "{asked}");
    scene.daemon.admin.question().await;
    assert_eq!(asked["params"]["url"], format!("{}/approvals", scene.daemon.console()), "{asked}");
    assert_eq!(upstream.effects().len(), 0, "what the client said counted as an answer");
    scene.allow_next().await;
    legacy.answer(waiting).await.unwrap();
    drop(legacy);

    let modern = scene.unopened(None, ClientEra::Modern).declaring(json!({ "elicitation": { "url": {} } }));
    modern.open().await.unwrap();
    let call = json!({ "name": "mock__change", "arguments": { "n": 2 } });
    let suspended = modern.request("tools/call", call.clone()).await.unwrap();
    assert_eq!(suspended["resultType"], "input_required", "{suspended}");
    assert_eq!(suspended["inputRequests"]["approval"]["params"]["mode"], "url", "{suspended}");
    assert_eq!(upstream.effects().len(), 1);
    let mut again = call;
    again["requestState"] = suspended["requestState"].clone();
    again["inputResponses"] = json!({ "approval": { "action": "accept" } });
    let waiting = modern.start("tools/call", again).await;
    scene.allow_next().await;
    modern.answer(waiting).await.unwrap();
    assert_eq!(upstream.effects().len(), 2);
}

/// A5: each refusal code of this product has a next step and a matching receipt.
#[tokio::test]
async fn each_refusal_has_a_code_a_next_step_and_a_receipt() {
    let mut strict = tool("strict");
    strict["inputSchema"] = json!({ "type": "object", "required": ["a"] });
    let script = Script::with_tools(vec![tool("look"), tool("change"), strict, tool("priced"), tool("gone")]);
    let upstream = HttpUpstream::start(script.clone()).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look", "strict", "priced", "gone"]).await;
    let budget = json!({ "change": "set_budget", "server": "mock", "tool": "priced", "window": "day", "limit": "1" });
    scene.change(budget).await;
    let client = scene.client(ClientEra::Legacy).await;
    assert_recorded(&scene, &client.call("mock__strict", json!({})).await, "invalid_args", "schema").await;
    assert_recorded(&scene, &client.call("mock__nothing", json!({})).await, "invalid_args", "no_such_tool").await;
    client.call("mock__priced", json!({})).await.unwrap();
    assert_recorded(&scene, &client.call("mock__priced", json!({})).await, "budget_exceeded", "budget").await;
    let waiting = client.start("tools/call", json!({ "name": "mock__change", "arguments": {} })).await;
    let question = scene.daemon.admin.question().await;
    scene.daemon.admin.decide(&question, &json!({ "decision": "deny" }), &scene.setup.pin).await;
    assert_recorded(&scene, &client.answer(waiting).await, "denied", "person").await;
    assert_recorded(&scene, &client.call("mock__change", json!({})).await, "denied", "cooldown").await;
    let (unauthorised, unpaid) = (
        MockAction::Status { status: 401, body: String::new() },
        MockAction::Status { status: 402, body: String::new() },
    );
    for (act, code) in
        [(unauthorised, "oauth_required"), (unpaid, "payment_required"), (MockAction::Die, "upstream_error")]
    {
        upstream.set(script.clone().on("look", act));
        let answer = client.call("mock__look", json!({})).await;
        assert_refused!(answer.clone(), code);
        let refusal = &answer.unwrap()["structuredContent"];
        assert!(
            refusal["receipt"].is_string() && refusal["next_step"].as_str().is_some_and(|step| !step.is_empty()),
            "{refusal}"
        );
    }
    upstream.set(Script::with_tools(vec![tool("look"), tool("change")]));
    assert_recorded(&scene, &client.call("mock__gone", json!({})).await, "tool_changed", "gone").await;
}

/// A5: revoked access ends an open connection with its own code, and a late approval of its pending call has no effect.
#[tokio::test]
async fn an_open_conversation_ends_when_its_agent_is_removed() {
    let (scene, upstream) = changing().await;
    let token = scene.daemon.admin.add_agent("second", &scene.setup.pin).await;
    let client = GatewayProcess::stdio(&scene.home, &token, None, ClientEra::Legacy);
    client.open().await.unwrap();
    client.call("mock__look", json!({})).await.unwrap();
    let waiting = client.start("tools/call", json!({ "name": "mock__change", "arguments": { "n": 2 } })).await;
    let question = scene.daemon.admin.question().await;
    scene.change(json!({ "change": "remove_agent", "name": "second" })).await;
    let next = client.call("mock__look", json!({})).await;
    assert_refused!(next.clone(), "revoked");
    let step = &next.unwrap()["structuredContent"]["next_step"];
    assert!(step.as_str().is_some_and(|step| !step.is_empty()), "{step}");
    // A person who has not noticed approves; the request may have gone by then.
    let once = json!({ "decision": "allow", "scope": "once" });
    let (status, body) = scene.daemon.admin.decide(&question, &once, &scene.setup.pin).await;
    assert!(status == 200 || status == 404, "{status} {body}");
    let answer = eventually_answered(&client, waiting).await;
    assert!(e2e::refusal(&answer).is_some(), "{answer:?}");
    assert_eq!(upstream.effects().len(), 1, "it ran all the same");
}
