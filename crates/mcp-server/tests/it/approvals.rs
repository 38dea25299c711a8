//! A call that waits for a person always gives its agent a next step (A4).

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use briefcase_mcp_server::View;
use briefcase_types::{Refusal, RefusalCode};
use serde_json::{Value, json};

use crate::world::{Handler, Server, World, approval, doing, modern, notice, result};

const LINK: &str = "http://localhost:1/approvals/AAAAAAAAAAAAAAAAAAAAAA";

/// A handler whose person decides after `decides`. A call is refused after its approval timeout; a later call finds the
/// decision.
fn asking(decides: Duration) -> Handler {
    let begun = Arc::new(std::sync::Mutex::new(None));
    doing(move |request, peer| {
        let begun = begun.clone();
        async move {
            let begun = *begun.lock().unwrap().get_or_insert_with(tokio::time::Instant::now);
            peer.waiting(&notice());
            tokio::select! {
                () = tokio::time::sleep_until(begun + decides) => {
                    peer.notify("notifications/progress", r#"{"progressToken":"theirs","progress":1}"#.into());
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    result(&json!({"content":[]}))
                }
                () = tokio::time::sleep(request.approval_timeout) => {
                    let mut refusal = Refusal::new(RefusalCode::ApprovalRequired, "waiting", "A person has to decide.", "Ask again.");
                    refusal.approval = Some(approval());
                    Err(refusal)
                }
                () = request.cancel.cancelled() => result(&json!({"content":[],"isError":true})),
            }
        }
    })
}

fn world(decides: u64) -> World {
    let server = Server { handler: asking(Duration::from_secs(decides)), ..Server::default() };
    World::with(vec![("srv", server)], |config| {
        config.approval_url = Some("http://localhost:1/approvals/{approval}".into());
    })
}

#[tokio::test(start_paused = true)]
async fn a_client_that_wants_progress_gets_it_while_a_person_decides() {
    let world = world(22);
    let mut client = world.legacy(View::All, json!({})).await;
    client.ask(1, "tools/call", json!({"name":"srv__pay","_meta":{"progressToken":"tok"}}));
    let mut messages = Vec::new();
    let answer = loop {
        let (_, message) = client.next().await;
        if message["id"] == 1 {
            break message;
        }
        messages.push(message["params"].clone());
    };
    assert_eq!(answer["result"], json!({"content":[]}));
    assert!(messages.iter().all(|params| params["progressToken"] == "tok"));
    let progress: Vec<f64> = messages.iter().map(|params| params["progress"].as_f64().unwrap()).collect();
    assert!(progress.windows(2).all(|pair| pair[0] < pair[1]), "{progress:?}");
    // At 0, 5, 10, 15, 20 s; then the server's progress, and no more of ours.
    assert_eq!(messages.len(), 6);
    let text = messages[0]["message"].as_str().unwrap();
    assert!(text.contains("approve") && text.contains(LINK), "{text}");
    assert_eq!(world.handler.last().approval_timeout, Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn without_progress_the_call_is_refused_with_a_next_step_and_the_same_call_finds_the_decision() {
    let world = world(70);
    let mut client = world.legacy(View::All, json!({})).await;
    let answer = client.request(1, "tools/call", json!({"name":"srv__pay"})).await;
    let refusal = &answer["result"]["structuredContent"];
    assert_eq!((&refusal["code"], &refusal["approval"]), (&json!("approval_required"), &json!(approval().to_string())));
    assert_eq!(answer["result"]["isError"], true);
    assert_eq!(world.handler.last().approval_timeout, Duration::from_secs(50));
    let answer = client.request(2, "tools/call", json!({"name":"srv__pay"})).await;
    assert_eq!(answer["result"], json!({"content":[]}));
}

#[tokio::test(start_paused = true)]
async fn a_legacy_client_gets_the_address_and_its_response_decides_nothing() {
    let world = world(20);
    let mut client = world.legacy(View::All, json!({"elicitation":{"url":{}}})).await;
    client.ask(1, "tools/call", json!({"name":"srv__pay"}));
    let (_, question) = client.next().await;
    assert_eq!(question["method"], "elicitation/create");
    let params = &question["params"];
    assert_eq!((&params["mode"], &params["url"]), (&json!("url"), &json!(LINK)));
    assert_eq!(params["elicitationId"], approval().to_string());
    client.send(json!({"jsonrpc":"2.0","id":question["id"],"result":{"action":"accept"}}));
    let (_, complete) = client.next().await;
    assert_eq!(complete["method"], "notifications/elicitation/complete");
    let (_, answer) = client.next().await;
    assert_eq!(answer["result"], json!({"content":[]}));
    // The client accepted, the person did not: still refused.
    let world = self::world(3600);
    let mut client = world.legacy(View::All, json!({"elicitation":{"url":{}}})).await;
    client.ask(1, "tools/call", json!({"name":"srv__pay"}));
    let (_, question) = client.next().await;
    client.send(json!({"jsonrpc":"2.0","id":question["id"],"result":{"action":"accept"}}));
    let messages = [client.next().await.1, client.next().await.1];
    assert_eq!(messages[1]["result"]["structuredContent"]["code"], "approval_required");
}

fn modern_call(more: Value) -> Value {
    let mut params = modern(json!({"name":"srv__pay"}), json!({"elicitation":{"url":{}}}));
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    params
}

#[tokio::test(start_paused = true)]
async fn a_modern_client_gets_the_address_and_its_retry_resumes_the_call() {
    let world = world(30);
    let mut client = world.open("alice", View::All);
    let asked = client.request(1, "tools/call", modern_call(json!({}))).await["result"].clone();
    assert_eq!(asked["resultType"], "input_required");
    let params = &asked["inputRequests"]["approval"]["params"];
    assert_eq!(
        (&params["mode"], &params["url"], &params["elicitationId"]),
        (&json!("url"), &json!(LINK), &Value::Null)
    );
    let retry =
        modern_call(json!({"requestState":asked["requestState"],"inputResponses":{"approval":{"action":"accept"}}}));
    let answer = client.request(2, "tools/call", retry).await;
    assert_eq!(answer["result"], json!({"resultType":"complete","content":[]}));
    assert_eq!(world.handler.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_late_retry_finds_the_decision_made_in_the_meantime() {
    let world = world(100);
    let mut client = world.open("alice", View::All);
    let asked = client.request(1, "tools/call", modern_call(json!({}))).await["result"].clone();
    tokio::time::sleep(Duration::from_secs(200)).await;
    let answer = client.request(2, "tools/call", modern_call(json!({"requestState":asked["requestState"]}))).await;
    assert_eq!(answer["result"], json!({"resultType":"complete","content":[]}));
    assert_eq!(world.handler.calls(), 2);
    // Nobody decided: the refusal names that, without a second address.
    let world = self::world(100_000);
    let mut client = world.open("alice", View::All);
    let asked = client.request(1, "tools/call", modern_call(json!({}))).await["result"].clone();
    let answer = client.request(2, "tools/call", modern_call(json!({"requestState":asked["requestState"]}))).await;
    assert_eq!(answer["result"]["structuredContent"]["code"], "approval_required");
    assert_eq!(answer["result"]["resultType"], "complete");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_disconnects_while_a_person_decides_cancels_the_call() {
    let cancelled = Arc::new(AtomicUsize::new(0));
    let count = cancelled.clone();
    let handler = doing(move |request, peer| {
        let count = count.clone();
        async move {
            peer.waiting(&notice());
            request.cancel.cancelled().await;
            count.fetch_add(1, Ordering::Relaxed);
            result(&json!({"content":[]}))
        }
    });
    let world = World::new(vec![("srv", Server { handler, ..Server::default() })]);
    let client = world.legacy(View::All, json!({})).await;
    client.ask(1, "tools/call", json!({"name":"srv__pay"}));
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(client);
    world.mcp_server.drain().await;
    assert_eq!(cancelled.load(Ordering::Relaxed), 1);
}
