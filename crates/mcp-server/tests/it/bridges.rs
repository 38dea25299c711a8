//! Server requests, across the eras.

use std::time::Duration;

use briefcase_mcp_server::{Route, View};
use briefcase_ports::RpcError;
use briefcase_types::Era;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::world::{Client, Server, World, answering, doing, failing, modern, related, result};

/// A legacy server that sends two requests at once and returns both responses.
fn curious() -> Server {
    let handler = doing(|request, peer| async move {
        let form = Bytes::from_static(br#"{"message":"name?","requestedSchema":{}}"#);
        let (name, roots) = tokio::join!(peer.ask("elicitation/create", form), peer.ask("roots/list", "{}".into()));
        if request.cancel.is_cancelled() {
            return result(&json!({"content":[],"isError":true}));
        }
        let text = |answer: Result<Bytes, RpcError>| match answer {
            Ok(raw) => serde_json::from_slice::<Value>(&raw).unwrap(),
            Err(error) => json!({"error":error.code}),
        };
        result(&json!({"content":[],"structuredContent":{"name":text(name),"roots":text(roots)}}))
    });
    Server { handler, ..Server::default() }
}

fn everything() -> Value {
    json!({"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{}})
}

#[tokio::test(start_paused = true)]
async fn a_legacy_client_answers_server_requests_on_the_route_of_its_own_request() {
    let world = World::new(vec![("srv", curious())]);
    let mut client = world.legacy(View::All, everything()).await;
    client.ask("call", "tools/call", json!({"name":"srv__t"}));
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (route, question) = client.next().await;
        assert_eq!(route, related(&json!("call")));
        ids.push(question["id"].clone());
        let result = match question["method"].as_str().unwrap() {
            "roots/list" => json!({"roots":[]}),
            _ => json!({"action":"accept","content":{"name":"Ada"}}),
        };
        client.send(json!({"jsonrpc":"2.0","id":question["id"],"result":result}));
        // A second response to the same request is ignored.
        client.send(json!({"jsonrpc":"2.0","id":question["id"],"result":{"action":"decline"}}));
    }
    assert_ne!(ids[0], ids[1]);
    let (_, answer) = client.next().await;
    assert_eq!(answer["result"]["structuredContent"]["name"]["content"]["name"], "Ada");
    assert_eq!(answer["result"]["structuredContent"]["roots"], json!({"roots":[]}));
}

#[tokio::test(start_paused = true)]
async fn server_requests_end_with_errors_timeouts_and_cancelled_calls() {
    let world = World::with(vec![("srv", curious())], |config| config.client_request_timeout = Duration::from_secs(30));
    let mut client = world.legacy(View::All, everything()).await;
    client.ask(1, "tools/call", json!({"name":"srv__t"}));
    let (_, first) = client.next().await;
    client.send(json!({"jsonrpc":"2.0","id":first["id"],"error":{"code":-1,"message":"no"}}));
    let (_, second) = client.next().await;
    let (route, gone) = client.next().await;
    assert_eq!(
        (gone["method"].as_str().unwrap(), &gone["params"]["requestId"]),
        ("notifications/cancelled", &second["id"])
    );
    assert_eq!(route, related(&json!(1)));
    let (_, answer) = client.next().await;
    assert_eq!(answer["result"]["structuredContent"], json!({"name":{"error":-1},"roots":{"error":-32603}}));
    // A cancelled call cancels its requests to the client.
    client.ask(2, "tools/call", json!({"name":"srv__t"}));
    let asked: Vec<Value> = vec![client.next().await.1, client.next().await.1];
    client.send(json!({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}));
    let gone = client.drain().await;
    assert_eq!(gone.len(), asked.len());
    assert!(gone.iter().all(|message| message["method"] == "notifications/cancelled"));
}

#[tokio::test(start_paused = true)]
async fn a_client_without_the_capability_gets_no_server_request() {
    let world = World::new(vec![("srv", curious())]);
    let mut client = world.legacy(View::All, json!({})).await;
    let answer = client.request(1, "tools/call", json!({"name":"srv__t"})).await;
    assert_eq!(answer["result"]["structuredContent"], json!({"name":{"error":-32601},"roots":{"error":-32601}}));
    let answer = client.request(1, "tools/call", modern(json!({"name":"srv__t"}), json!({}))).await;
    assert_eq!(answer["result"]["structuredContent"], json!({"name":{"error":-32601},"roots":{"error":-32601}}));
}

fn retry(state: &Value, responses: Value) -> Value {
    modern(json!({"name":"srv__t","requestState":state,"inputResponses":responses}), everything())
}

async fn suspended(client: &mut Client) -> Value {
    let answer = client.request(1, "tools/call", modern(json!({"name":"srv__t"}), everything())).await;
    assert_eq!(answer["result"]["resultType"], "input_required", "{answer}");
    answer["result"].clone()
}

fn key_of(result: &Value, method: &str) -> String {
    let requests = result["inputRequests"].as_object().unwrap();
    requests.iter().find(|(_, request)| request["method"] == method).unwrap().0.clone()
}

#[tokio::test(start_paused = true)]
async fn the_retry_of_a_modern_client_resumes_the_legacy_call() {
    let world = World::new(vec![("srv", curious())]);
    let mut client = world.open("alice", View::All);
    let asked = suspended(&mut client).await;
    let (name, roots) = (key_of(&asked, "elicitation/create"), key_of(&asked, "roots/list"));
    assert_eq!(asked["inputRequests"][&name]["params"]["message"], "name?");
    // One response is missing: the request is sent again.
    let more =
        client.request(2, "tools/call", retry(&asked["requestState"], json!({&name:{"action":"decline"}}))).await;
    let more = more["result"].clone();
    assert_eq!(more["inputRequests"].as_object().unwrap().keys().collect::<Vec<_>>(), [&roots]);
    // The old state is spent.
    let old = client.request(3, "tools/call", retry(&asked["requestState"], json!({}))).await;
    assert_eq!(old["error"]["code"], -32602);
    let done = client.request(4, "tools/call", retry(&more["requestState"], json!({&roots:{"roots":[]}}))).await;
    let content = json!({"name":{"action":"decline"},"roots":{"roots":[]}});
    assert_eq!((&done["result"]["structuredContent"], &done["result"]["resultType"]), (&content, &json!("complete")));
    assert_eq!(world.handler.calls(), 1);
    client.silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_request_during_suspension_comes_with_the_retry() {
    let handler = doing(|_, peer| async move {
        let late = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            peer.notify("notifications/progress", r#"{"progressToken":1,"progress":1}"#.into());
            peer.ask("roots/list", "{}".into()).await
        };
        let (first, second) = tokio::join!(peer.ask("sampling/createMessage", "{}".into()), late);
        result(&json!({"content":[],"isError":first.is_err() || second.is_err()}))
    });
    let world = World::new(vec![("srv", Server { handler, ..Server::default() })]);
    let mut client = world.open("alice", View::All);
    let first = suspended(&mut client).await;
    client.silence().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    client.silence().await;
    let second =
        client.request(2, "tools/call", retry(&first["requestState"], json!({"q1":{"role":"assistant"}}))).await;
    assert_eq!(second["result"]["inputRequests"]["q2"]["method"], "roots/list");
    let state = &second["result"]["requestState"];
    let done = client.request(3, "tools/call", retry(state, json!({"q2":{"roots":[]}}))).await;
    assert_eq!(done["result"]["isError"], false);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_call_belongs_to_its_agent_and_expires() {
    let (sender, mut ended) = tokio::sync::mpsc::unbounded_channel();
    let handler = doing(move |request, peer| {
        let sender = sender.clone();
        async move {
            let answer = peer.ask("roots/list", "{}".into()).await;
            sender.send((answer.is_err(), request.cancel.is_cancelled())).unwrap();
            result(&json!({"content":[]}))
        }
    });
    let server = Server { handler, ..Server::default() };
    let world = World::with(vec![("srv", server)], |config| config.client_request_timeout = Duration::from_secs(3600));
    let mut client = world.open("alice", View::All);
    let asked = suspended(&mut client).await;
    let mut other = world.open("bob", View::All);
    let stolen = other.request(1, "tools/call", retry(&asked["requestState"], json!({"q1":{"roots":[]}}))).await;
    assert_eq!(stolen["error"]["code"], -32602);
    assert_eq!(ended.recv().await.unwrap(), (true, true));
    let late = client.request(2, "tools/call", retry(&asked["requestState"], json!({"q1":{"roots":[]}}))).await;
    assert_eq!(late["error"]["code"], -32602);
}

#[tokio::test(start_paused = true)]
async fn a_url_elicitation_of_a_modern_server_gets_the_id_that_legacy_clients_need() {
    let handler = doing(|_, peer| async move {
        let answer = peer.ask("elicitation/create", r#"{"mode":"url","url":"https://x","message":"m"}"#.into()).await;
        assert!(answer.is_ok());
        let answer = peer.ask("elicitation/create", r#"{"mode":"url","elicitationId":"theirs"}"#.into()).await;
        assert!(answer.is_ok());
        result(&json!({"content":[]}))
    });
    let world = World::new(vec![("srv", Server { era: Era::Modern, handler, ..Server::default() })]);
    let mut client = world.legacy(View::All, everything()).await;
    client.ask(1, "tools/call", json!({"name":"srv__t"}));
    for id in [None, Some("theirs")] {
        let (_, question) = client.next().await;
        let given = question["params"]["elicitationId"].as_str().unwrap();
        assert!(id.map_or(given.len() == 22, |id| id == given), "{question}");
        client.send(json!({"jsonrpc":"2.0","id":question["id"],"result":{"action":"accept"}}));
    }
    assert_eq!(client.next().await.1["result"], json!({"content":[]}));
}

#[tokio::test(start_paused = true)]
async fn result_types_that_a_legacy_client_does_not_support_are_refused() {
    for (kind, reason) in
        [("task", "result_type"), ("input_required", "unexpected_question"), ("future", "result_type")]
    {
        let handler = answering(json!({"resultType":kind,"taskId":"t"}));
        let world = World::new(vec![("srv", Server { era: Era::Modern, handler, ..Server::default() })]);
        let mut client = world.legacy(View::All, json!({})).await;
        let answer = client.request(1, "tools/call", json!({"name":"srv__t"})).await;
        assert_eq!(answer["result"]["structuredContent"]["reason"], reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_url_elicitation_error_of_a_legacy_server_becomes_input_required() {
    let data = json!({"elicitations":[{"mode":"url","url":"https://x","elicitationId":"e","message":"m"}]});
    let world = World::new(vec![("srv", Server { handler: failing(-32042, "url", Some(data)), ..Server::default() })]);
    let mut client = world.open("alice", View::All);
    let asked = client.request(1, "tools/call", modern(json!({"name":"srv__t"}), everything())).await;
    assert_eq!(asked["result"]["resultType"], "input_required");
    assert_eq!(asked["result"]["inputRequests"]["q1"]["params"]["url"], "https://x");
    let unable = client.request(2, "tools/call", modern(json!({"name":"srv__t"}), json!({"elicitation":{}}))).await;
    assert_eq!(unable["error"]["code"], -32021);
    let mut legacy = world.legacy(View::All, everything()).await;
    assert_eq!(legacy.request(1, "tools/call", json!({"name":"srv__t"})).await["error"]["code"], -32042);
}

#[tokio::test(start_paused = true)]
async fn a_server_request_outside_a_call_needs_the_same_capability_as_inside() {
    let world = World::new(vec![("srv", Server::default())]);
    let mut client = world.legacy(View::All, json!({"roots":{}})).await;
    let (session, server) = (client.session, "srv".parse().unwrap());
    let (answer, ()) =
        tokio::join!(world.mcp_server.server_request(session, &server, "roots/list", "{}".into()), async {
            let (route, question) = client.next().await;
            assert_eq!(route, Route::General);
            client.send(json!({"jsonrpc":"2.0","id":question["id"],"result":{"roots":[]}}));
        });
    assert_eq!(answer.unwrap(), r#"{"roots":[]}"#);
    for method in ["sampling/createMessage", "elicitation/create", "tools/call", "notifications/x"] {
        let refused = world.mcp_server.server_request(session, &server, method, "{}".into()).await;
        assert_eq!(refused.unwrap_err().code, -32601, "{method}");
    }
    assert!(world.mcp_server.server_request(session, &server, "ping", "{}".into()).await.is_ok());
    let stranger = world.open("alice", View::All);
    assert!(world.mcp_server.server_request(stranger.session, &server, "roots/list", "{}".into()).await.is_err());
    drop(client);
    assert!(world.mcp_server.server_request(session, &server, "roots/list", "{}".into()).await.is_err());
}
