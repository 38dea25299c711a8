//! Attacks 22–27: on the person who decides, and on the right to decide.

use std::collections::BTreeSet;

use briefcase_testkit::{ClientEra, GatewayProcess, HttpUpstream, McpClient, Script, mock::tool, raw_http};
use e2e::{Scene, assert_no_effect, assert_refused, refusal};
use serde_json::{Value, json};

const ONCE: &str = r#"{"decision":"allow","scope":"once"}"#;

fn once() -> Value {
    serde_json::from_str(ONCE).unwrap()
}

async fn scene() -> (Scene, HttpUpstream) {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("look"), tool("pay"), tool("send")])).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look"]).await;
    (scene, upstream)
}

async fn start(client: &McpClient, name: &str, arguments: Value) -> u64 {
    client.start("tools/call", json!({ "name": name, "arguments": arguments })).await
}

async fn open(scene: &Scene) -> Vec<Value> {
    scene.daemon.admin.get("/v1/approvals").await
}

/// Guards: at most one open request per agent and tool. Others are refused at once and recorded.
#[tokio::test]
async fn attack_22_five_hundred_requests_are_one_question() {
    let (scene, upstream) = scene().await;
    let client = scene.client(ClientEra::Legacy).await;
    let first = start(&client, "mock__pay", json!({ "n": 0 })).await;
    let question = scene.daemon.admin.question().await;
    let mut rest = Vec::new();
    // Below the number of open calls of one conversation: further calls are not even read.
    for n in 1..500 {
        rest.push(start(&client, "mock__pay", json!({ "n": n })).await);
        if rest.len() == 100 || n == 499 {
            for id in rest.drain(..) {
                assert_refused!(client.answer(id).await, "denied");
            }
        }
    }
    assert_eq!(open(&scene).await, std::slice::from_ref(&question));
    let reasons = scene.receipts().await;
    let of = |reason: &str| reasons.iter().filter(|row| row["receipt"].to_string().contains(reason)).count();
    assert_eq!(of("prompt_budget"), 499, "each refusal has its receipt");
    // After a denial the tool cannot ask again for a while.
    let (status, _) = scene.daemon.admin.decide(&question, &json!({ "decision": "deny" }), &scene.setup.pin).await;
    assert_eq!(status, 200);
    assert_refused!(client.answer(first).await, "denied");
    let again = client.call("mock__pay", json!({ "n": 1 })).await;
    assert!(refusal(&again).is_some(), "{again:?}");
    assert!(open(&scene).await.is_empty(), "it asked again during the cool-down");
    assert_no_effect!(upstream);
}

/// Guards: an id or a digest is valid for one decision on one open request, for any sender at any time.
#[tokio::test]
async fn attack_23_a_decision_cannot_be_replayed_moved_or_late() {
    let (scene, upstream) = scene().await;
    let (admin, pin) = (&scene.daemon.admin, &scene.setup.pin);
    let client = scene.client(ClientEra::Legacy).await;
    let refused = async |question: &Value, why: &str| {
        let (status, body) = admin.decide(question, &once(), pin).await;
        assert!(status == 404 || status == 409, "{why}: {status} {body}");
        assert!(!body["next_step"].as_str().unwrap().is_empty(), "{why}: {body}");
    };
    // Allowed twice.
    let waiting = start(&client, "mock__pay", json!({ "n": 1 })).await;
    let first = admin.question().await;
    assert_eq!(admin.decide(&first, &once(), pin).await.0, 200);
    client.answer(waiting).await.unwrap();
    refused(&first, "spent").await;
    // The first request's decision for the second.
    let waiting = start(&client, "mock__send", json!({ "n": 1 })).await;
    let second = admin.question().await;
    refused(&json!({ "id": second["id"], "digest": first["digest"] }), "the digest of another").await;
    refused(&json!({ "id": first["id"], "digest": second["digest"] }), "the id of another").await;
    // Denied, then allowed.
    assert_eq!(admin.decide(&second, &json!({ "decision": "deny" }), pin).await.0, 200);
    refused(&second, "denied already").await;
    assert_refused!(client.answer(waiting).await, "denied");
    // Cancelled by the client, then allowed.
    let waiting = start(&client, "mock__pay", json!({ "n": 2 })).await;
    let third = admin.question().await;
    client.notify("notifications/cancelled", json!({ "requestId": waiting })).await;
    briefcase_testkit::eventually("the question to be withdrawn", async || open(&scene).await.is_empty().then_some(()))
        .await;
    refused(&third, "cancelled").await;
    // The client has disconnected, then allowed.
    start(&client, "mock__pay", json!({ "n": 3 })).await;
    let fourth = admin.question().await;
    client.close().await;
    briefcase_testkit::eventually("the question to be withdrawn", async || open(&scene).await.is_empty().then_some(()))
        .await;
    refused(&fourth, "the client is gone").await;
    assert_eq!(upstream.effects().len(), 1);
    // Open across a restart, then allowed: requests live in memory only.
    let client = scene.client(ClientEra::Legacy).await;
    start(&client, "mock__pay", json!({ "n": 4 })).await;
    let fifth = scene.daemon.admin.question().await;
    let scene = scene.after_a_crash().await;
    let (status, body) = scene.daemon.admin.decide(&fifth, &once(), &scene.setup.pin).await;
    assert_eq!(status, 404, "{body}");
    assert_eq!(upstream.effects().len(), 1);
}

/// Guards: for any number of simultaneous decisions, one counts, and there is at most one effect.
#[tokio::test]
async fn attack_23_a_race_of_decisions_has_one_winner() {
    let (scene, upstream) = scene().await;
    let client = scene.client(ClientEra::Legacy).await;
    let mut allowed = 0;
    for (round, name) in ["mock__pay", "mock__send"].into_iter().enumerate() {
        let waiting = start(&client, name, json!({ "n": round })).await;
        let question = scene.daemon.admin.question().await;
        let mut racing = tokio::task::JoinSet::new();
        for n in 0..10 {
            let (admin, question, pin) = (scene.daemon.admin.clone(), question.clone(), scene.setup.pin.clone());
            let decision = if n % 2 == round { json!({ "decision": "deny" }) } else { once() };
            racing.spawn(async move { (decision.clone(), admin.decide(&question, &decision, &pin).await) });
        }
        let all = racing.join_all().await;
        let won: Vec<_> = all.iter().filter(|(_, (status, _))| *status == 200).collect();
        assert_eq!(won.len(), 1, "{all:?}");
        let answer = client.answer(waiting).await;
        if won[0].0["decision"] == "allow" {
            allowed += 1;
            assert!(refusal(&answer).is_none(), "{answer:?}");
        } else {
            assert_refused!(answer, "denied");
        }
        assert_eq!(upstream.effects().len(), allowed);
    }
}

/// Guards: an agent cannot reach anything that decides. (For the same user at the admin socket see `same_user`.)
#[tokio::test]
async fn attack_24_the_agents_side_reaches_no_decision() {
    let (scene, upstream) = scene().await;
    let gateway = scene.gateway().await;
    let client = scene.client(ClientEra::Legacy).await;
    start(&client, "mock__pay", json!({})).await;
    let question = scene.daemon.admin.question().await;
    let id = question["id"].as_str().unwrap();
    for method in ["approvals/decide", "admin/decide", "v1/approvals", "briefcase/approve", "changes/apply"] {
        let answer = gateway.client(ClientEra::Modern).request(method, question.clone()).await;
        assert!(answer.is_err(), "{method}: {answer:?}");
    }
    let agent = scene.client(ClientEra::Legacy).await;
    for name in ["approve", "briefcase__approve", "admin__decide", "mock__../v1/approvals"] {
        assert!(agent.call(name, json!({ "id": id })).await.map_or(true, |result| result["isError"] == true));
    }
    let body = json!({ "shown": question["digest"], "decision": once(), "evidence": { "pin": scene.setup.pin } });
    let body = body.to_string();
    let console = scene.daemon.console().trim_start_matches("http://").to_owned();
    let path = format!("/v1/approvals/{id}/decide");
    // The agent's own credential is invalid at the console, and the gateway has no such route, even with the right PIN.
    for (address, host) in [(console.as_str(), console.as_str()), (gateway.address(), gateway.address())] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\nAuthorization: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            gateway.authorization(),
            body.len()
        );
        let answer = raw_http(address, request.as_bytes()).await;
        assert!([401, 403, 404].contains(&answer.status), "{address}: {} {}", answer.status, answer.text());
    }
    assert_eq!(open(&scene).await.len(), 1, "the question is still open");
    assert_no_effect!(upstream);
}

/// Guards: the console cannot be framed, and no form, link or other page makes it act.
#[tokio::test]
async fn attack_25_the_console_is_neither_framed_nor_driven_by_forms() {
    let (scene, upstream) = scene().await;
    let client = scene.client(ClientEra::Legacy).await;
    start(&client, "mock__pay", json!({})).await;
    let question = scene.daemon.admin.question().await;
    let host = scene.daemon.console().trim_start_matches("http://").to_owned();
    for page in ["/", "/approvals", "/app.js", "/v1/approvals", "/nothing"] {
        let request = format!("GET {page} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = raw_http(&host, request.as_bytes()).await;
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"), "{page}: {policy}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{page}");
        assert_eq!(answer.header("set-cookie"), None, "{page}: ambient authority");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{page}");
    }
    let session = console_session(&scene).await;
    let path = format!("/v1/approvals/{}/decide", question["id"].as_str().unwrap());
    let good =
        json!({ "shown": question["digest"], "decision": once(), "evidence": { "pin": scene.setup.pin } }).to_string();
    let ours = format!("Origin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n");
    // Each request is valid, with session and PIN, except for one property that a hostile page cannot change.
    for (method, kind, extra) in [
        ("GET", "application/json", ours.as_str()),
        ("POST", "text/plain", &ours),
        ("POST", "application/x-www-form-urlencoded", &ours),
        ("POST", "multipart/form-data; boundary=x", &ours),
        ("POST", "application/json", "Origin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n"),
        ("POST", "application/json", "Origin: null\r\n"),
        ("POST", "application/json", "Sec-Fetch-Site: same-site\r\n"),
        ("POST", "application/json", ""),
    ] {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{extra}Authorization: Bearer {session}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{good}",
            good.len()
        );
        let answer = raw_http(&host, request.as_bytes()).await;
        assert!([403, 405].contains(&answer.status), "{method} {kind} {extra}: {} {}", answer.status, answer.text());
    }
    assert_no_effect!(upstream);
    assert_eq!(open(&scene).await.len(), 1);
    // The same request from the page itself is accepted, so the guard caused the rejection.
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\n{ours}Authorization: Bearer {session}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{good}",
        good.len()
    );
    assert_eq!(raw_http(&host, request.as_bytes()).await.status, 200);
}

/// A session of the console, as its page gets it.
async fn console_session(scene: &Scene) -> String {
    let login: Value = scene.daemon.admin.post("/v1/console/login", &json!({})).await;
    let code = login["url"].as_str().unwrap().split_once("#code=").unwrap().1.to_owned();
    let host = scene.daemon.console().trim_start_matches("http://").to_owned();
    let body = json!({ "code": code }).to_string();
    let request = format!(
        "POST /v1/console/session HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = raw_http(&host, request.as_bytes()).await;
    let given: Value = serde_json::from_slice(&answer.body).unwrap();
    let again = raw_http(&host, request.as_bytes()).await;
    assert_eq!(again.status, 401, "a code works once");
    given["token"].as_str().unwrap().to_owned()
}

/// Guards: decisions, session grants and saved approvals belong to one agent, and session grants to one session.
#[tokio::test]
async fn attack_26_another_agent_gets_nothing_from_an_answer() {
    let (scene, upstream) = scene().await;
    let (admin, pin) = (&scene.daemon.admin, &scene.setup.pin);
    let other = admin.add_agent("other", pin).await;
    let mine = scene.client(ClientEra::Legacy).await;
    let theirs = GatewayProcess::stdio(&scene.home, &other, None, ClientEra::Legacy);
    theirs.open().await.unwrap();
    for (decision, name) in [
        (json!({ "decision": "allow", "scope": "session_tool" }), "mock__pay"),
        (json!({ "decision": "allow", "scope": "rule", "fixed": ["n"], "seconds": 3600 }), "mock__send"),
    ] {
        let waiting = start(&mine, name, json!({ "n": 1 })).await;
        let question = admin.question().await;
        let (status, body) = admin.decide(&question, &decision, pin).await;
        assert_eq!(status, 200, "{body}");
        mine.answer(waiting).await.unwrap();
        mine.call(name, json!({ "n": 1 })).await.unwrap();
        let before = upstream.effects().len();
        let asked = start(&theirs, name, json!({ "n": 1 })).await;
        let question = admin.question().await;
        assert_eq!(question["agent"], "other");
        admin.decide(&question, &json!({ "decision": "deny" }), pin).await;
        assert_refused!(theirs.answer(asked).await, "denied");
        assert_eq!(upstream.effects().len(), before);
    }
    // Another session of the same agent has no session grant either.
    let second = scene.client(ClientEra::Legacy).await;
    start(&second, "mock__pay", json!({ "n": 1 })).await;
    assert_eq!(admin.question().await["agent"], "default");
}

/// Guards: repeated approvals cover only the shown calls: no saved approval grows, and each expires.
#[tokio::test]
async fn attack_27_saved_approvals_stay_narrow_and_expire() {
    let (scene, upstream) = scene().await;
    let (admin, pin) = (&scene.daemon.admin, &scene.setup.pin);
    let client = scene.client(ClientEra::Legacy).await;
    let exact = json!({ "decision": "allow", "scope": "session_exact" });
    let mut digests = BTreeSet::new();
    for n in 0..20 {
        let waiting = start(&client, "mock__pay", json!({ "n": n })).await;
        let question = admin.question().await;
        digests.insert(question["digest"].as_str().unwrap().to_owned());
        assert_eq!(admin.decide(&question, &exact, pin).await.0, 200);
        client.answer(waiting).await.unwrap();
    }
    assert_eq!(digests.len(), 20, "each of the twenty was asked");
    let waiting = start(&client, "mock__pay", json!({ "n": 20, "memo": "first" })).await;
    let question = admin.question().await;
    // Longer than a month, without end, or without a fixed argument is invalid.
    let invalid = [(&["n"][..], 0_i64, 400), (&["n"], 30 * 86_400 + 1, 400), (&["n"], -1, 422), (&[], 60, 400)];
    for (fixed, seconds, expected) in invalid {
        let rule = json!({ "decision": "allow", "scope": "rule", "fixed": fixed, "seconds": seconds });
        let (status, body) = admin.decide(&question, &rule, pin).await;
        assert_eq!((status, &body["code"]), (expected, &json!("invalid")), "{body}");
    }
    let rule = json!({ "decision": "allow", "scope": "rule", "fixed": ["n"], "seconds": 2 });
    assert_eq!(admin.decide(&question, &rule, pin).await.0, 200);
    client.answer(waiting).await.unwrap();
    let grants: Vec<Value> = admin.get("/v1/grants").await;
    assert_eq!((grants.len(), &grants[0]["tool"], &grants[0]["agent"]), (1, &json!("pay"), &json!("default")));
    assert!(grants[0]["fixed"].to_string().contains('n'), "{grants:?}");
    client.call("mock__pay", json!({ "n": 20, "memo": "still that one" })).await.unwrap();
    // Not for another value of the fixed argument.
    let waiting = start(&client, "mock__pay", json!({ "n": 21 })).await;
    let question = admin.question().await;
    assert_eq!(admin.decide(&question, &once(), pin).await.0, 200);
    client.answer(waiting).await.unwrap();
    let (mine, theirs) = (upstream.effects().len(), client.call("mock__send", json!({ "n": 20 })));
    let theirs = tokio::time::timeout(std::time::Duration::from_millis(300), theirs).await;
    assert!(theirs.is_err(), "the rule reached another tool: {theirs:?}");
    assert_eq!(upstream.effects().len(), mine);
    // And it expires.
    briefcase_testkit::eventually("the rule to end", async || {
        admin.get::<Vec<Value>>("/v1/grants").await.is_empty().then_some(())
    })
    .await;
    let before = upstream.effects().len();
    let waiting = start(&client, "mock__pay", json!({ "n": 20, "memo": "after the end" })).await;
    let asked = briefcase_testkit::eventually("a question", async || {
        open(&scene).await.into_iter().find(|question| question["name"] == "pay")
    });
    admin.decide(&asked.await, &json!({ "decision": "deny" }), pin).await;
    assert_refused!(client.answer(waiting).await, "denied");
    assert_eq!(upstream.effects().len(), before);
}
