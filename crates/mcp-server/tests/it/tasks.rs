//! Task handles, in both eras and both directions (attack 26).

use briefcase_mcp_server::View;
use briefcase_ports::{FollowUp, Operation, ServerEvent};
use briefcase_types::Era;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::world::{Server, World, doing, modern, result};

const RELATED: &str = "io.modelcontextprotocol/related-task";

/// A legacy server that runs calls as the task `real`.
fn legacy() -> Server {
    let handler = doing(|request, _| async move {
        let link = json!({RELATED:{"taskId":"real"}});
        result(&match &request.operation {
            Operation::CallTool { .. } if request.members.iter().any(|(name, _)| *name == "task") => {
                json!({"task":{"taskId":"real","status":"working"},"_meta":link})
            }
            Operation::FollowUp { method: FollowUp::TaskResult, .. } => {
                json!({"content":[],"structuredContent":{"taskId":"real"},"_meta":link})
            }
            Operation::FollowUp { .. } => json!({"taskId":"real","status":"working"}),
            _ => json!({"content":[]}),
        })
    });
    Server { handler, ..Server::default() }
}

#[tokio::test(start_paused = true)]
async fn a_legacy_task_has_a_handle_for_its_agent() {
    let world = World::new(vec![("a", legacy()), ("b", legacy())]);
    let mut client = world.legacy(View::All, json!({})).await;
    let created = client.request(1, "tools/call", json!({"name":"a__t","task":{"ttl":5}})).await["result"].clone();
    assert_eq!(world.handler.last().members, json!({"task":{"ttl":5}}));
    let handle = created["task"]["taskId"].as_str().unwrap().to_owned();
    assert!(handle != "real" && created["_meta"][RELATED]["taskId"] == handle.as_str());
    let twin = client.request(1, "tools/call", json!({"name":"b__t","task":{}})).await["result"].clone();
    assert_ne!(twin["task"]["taskId"], handle.as_str());
    for (method, follow) in [("tasks/get", FollowUp::GetTask), ("tasks/cancel", FollowUp::CancelTask)] {
        let state = client.request(1, method, json!({"taskId":handle,"_meta":{}})).await["result"].clone();
        assert_eq!(state["taskId"], handle.as_str());
        let expected = Operation::FollowUp { method: follow, params: r#"{"taskId":"real"}"#.into() };
        assert_eq!((world.handler.last().server.as_str(), world.handler.last().operation), ("a", expected));
    }
    let done = client.request(1, "tasks/result", json!({"taskId":handle})).await["result"].clone();
    assert_eq!(done["structuredContent"]["taskId"], "real");
    assert_eq!(done["_meta"][RELATED]["taskId"], handle.as_str());
    let (method, params) = ("notifications/tasks/status".into(), r#"{"taskId":"real","status":"completed"}"#.into());
    world.event(&client, "a", ServerEvent::Notification { method, params });
    let (_, told) = client.next().await;
    assert_eq!(
        (told["method"].as_str().unwrap(), &told["params"]["taskId"]),
        ("notifications/tasks/status", &json!(handle))
    );
}

#[tokio::test(start_paused = true)]
async fn another_agents_task_is_unknown() {
    let world = World::new(vec![("a", legacy())]);
    let mut client = world.legacy(View::All, json!({})).await;
    let created = client.request(1, "tools/call", json!({"name":"a__t","task":{}})).await["result"].clone();
    let handle = created["task"]["taskId"].clone();
    let mut other = world.open("bob", View::All);
    other.handshake(json!({})).await;
    let calls = world.handler.calls();
    for method in ["tasks/get", "tasks/cancel", "tasks/result"] {
        let stolen = other.request(1, method, json!({"taskId":handle})).await;
        let unknown = other.request(1, method, json!({"taskId":"real"})).await;
        let own_raw = client.request(1, method, json!({"taskId":"real"})).await;
        assert_eq!(stolen["error"]["code"], -32602);
        assert_eq!((&unknown["error"], &own_raw["error"]), (&stolen["error"], &stolen["error"]));
    }
    assert_eq!(world.handler.calls(), calls);
    // The handle is unknown in the view of another server, and after its agent is removed.
    world.mcp_server.remove_agent(&"alice".parse().unwrap());
    assert_eq!(client.request(1, "tasks/get", json!({"taskId":handle})).await["error"]["code"], -32602);
}

#[tokio::test(start_paused = true)]
async fn modern_tasks_need_the_extension_and_pass_on_their_input() {
    let capabilities = json!({"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}});
    let handler = doing(|request, _| async move {
        result(&match &request.operation {
            Operation::CallTool { .. } => json!({"resultType":"task","taskId":"real","status":"working","ttlMs":1}),
            Operation::FollowUp { method: FollowUp::GetTask, .. } => {
                let content = json!([{"type":"resource_link","uri":"demo://x","name":"x"}]);
                json!({"resultType":"complete","taskId":"real","status":"completed","result":{"content":content}})
            }
            _ => json!({"resultType":"complete"}),
        })
    });
    let world = World::new(vec![("a", Server { era: Era::Modern, capabilities, handler, ..Server::default() })]);
    let mut client = world.open("alice", View::All);
    let can = json!({"extensions":{"io.modelcontextprotocol/tasks":{}}});
    let required = json!({"requiredCapabilities":can});
    let refused = client.request(1, "tools/call", modern(json!({"name":"a__t"}), json!({}))).await;
    assert_eq!((&refused["error"]["code"], &refused["error"]["data"]), (&json!(-32021), &required));
    let refused = client.request(1, "tasks/get", modern(json!({"taskId":"x"}), json!({}))).await;
    assert_eq!((&refused["error"]["code"], &refused["error"]["data"]), (&json!(-32021), &required));
    let task = client.request(1, "tools/call", modern(json!({"name":"a__t"}), can.clone())).await["result"].clone();
    assert_eq!((&task["resultType"], &task["ttlMs"]), (&json!("task"), &json!(1)));
    let handle = task["taskId"].clone();
    let got = client.request(2, "tasks/get", modern(json!({"taskId":handle}), can.clone())).await["result"].clone();
    assert_eq!((&got["taskId"], &got["result"]["content"][0]["uri"]), (&handle, &json!("a+demo://x")));
    let update = modern(json!({"inputResponses":{"k":{"action":"accept"}},"taskId":handle}), can.clone());
    assert_eq!(client.request(3, "tasks/update", update).await["result"], json!({"resultType":"complete"}));
    let Operation::FollowUp { method: FollowUp::UpdateTask, params } = world.handler.last().operation else { panic!() };
    let params: Value = serde_json::from_slice(&params).unwrap();
    assert_eq!(params, json!({"inputResponses":{"k":{"action":"accept"}},"taskId":"real"}));
    assert_eq!(client.request(4, "tasks/get", modern(json!({"taskId":"real"}), can)).await["error"]["code"], -32602);
}

#[tokio::test(start_paused = true)]
async fn a_client_task_is_known_only_to_its_server() {
    let handler = doing(|_, peer| async move {
        let params = json!({"messages":[],"maxTokens":1,"task":{},"_meta":{RELATED:{"taskId":"real"}}}).to_string();
        let created = peer.ask("sampling/createMessage", Bytes::from(params)).await.unwrap();
        result(&json!({"content":[],"structuredContent":serde_json::from_slice::<Value>(&created).unwrap()}))
    });
    let world = World::new(vec![("a", Server { handler, ..Server::default() }), ("b", Server::default())]);
    let mut client = world.legacy(View::All, json!({"sampling":{}})).await;
    client.ask(1, "tools/call", json!({"name":"a__t"}));
    let (_, question) = client.next().await;
    let link = question["params"]["_meta"][RELATED]["taskId"].clone();
    assert_ne!(link, "real");
    let created = json!({"task":{"taskId":"mine","status":"working"},"_meta":{RELATED:{"taskId":link}}});
    client.send(json!({"jsonrpc":"2.0","id":question["id"],"result":created}));
    let (_, answer) = client.next().await;
    let seen = answer["result"]["structuredContent"].clone();
    assert_eq!(seen["_meta"][RELATED]["taskId"], "real");
    let handle = seen["task"]["taskId"].as_str().unwrap().to_owned();
    assert_ne!(handle, "mine");
    let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
    let params = || Bytes::from(json!({"taskId":handle}).to_string());
    let (got, ()) = tokio::join!(world.mcp_server.server_request(client.session, &a, "tasks/get", params()), async {
        let (_, question) = client.next().await;
        assert_eq!(question["params"], json!({"taskId":"mine"}));
        client.send(json!({"jsonrpc":"2.0","id":question["id"],"result":{"taskId":"mine","status":"completed"}}));
    });
    assert_eq!(serde_json::from_slice::<Value>(&got.unwrap()).unwrap()["taskId"], handle.as_str());
    let stolen = world.mcp_server.server_request(client.session, &b, "tasks/get", params()).await;
    assert_eq!(stolen.unwrap_err().code, -32602);
}
