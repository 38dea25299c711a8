//! `subscriptions/listen`.

use std::time::Duration;

use briefcase_mcp_server::View;
use briefcase_ports::{FollowUp, Operation, ServerEvent};
use serde_json::{Value, json};

use crate::world::{Client, Server, World, modern, related};

const ID: &str = "io.modelcontextprotocol/subscriptionId";

async fn listen(client: &mut Client, id: Value, notifications: Value) -> Value {
    client.ask(id.clone(), "subscriptions/listen", modern(json!({"notifications":notifications}), json!({})));
    let (route, ack) = client.next().await;
    assert_eq!(route, related(&id), "{ack}");
    assert_eq!(ack["method"], "notifications/subscriptions/acknowledged", "{ack}");
    assert_eq!(ack["params"]["_meta"][ID], id);
    ack["params"]["notifications"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_acknowledged_first_and_reports_only_its_filter() {
    let world = World::new(vec![("a", Server::default()), ("b", Server::default())]);
    let mut client = world.open("alice", View::All);
    let granted = listen(&mut client, json!("s1"), json!({"toolsListChanged":true,"promptsListChanged":false})).await;
    assert_eq!(granted, json!({"toolsListChanged":true}));
    listen(&mut client, json!(2), json!({"promptsListChanged":true,"future":true})).await;
    world.event(&client, "b", ServerEvent::ToolsChanged);
    world.event(&client, "a", ServerEvent::ResourcesChanged);
    let (route, message) = client.next().await;
    assert_eq!(route, related(&json!("s1")));
    let params = json!({"_meta":{ID:"s1"}});
    assert_eq!(message, json!({"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":params}));
    world.event(&client, "b", ServerEvent::PromptsChanged);
    assert_eq!(client.next().await.1["params"]["_meta"][ID], 2);
    client.silence().await;
}

#[tokio::test(start_paused = true)]
async fn resources_are_subscribed_once_and_unsubscribed_with_the_last_stream() {
    let world = World::new(vec![("a", Server::default())]);
    let mut client = world.open("alice", View::All);
    let wanted = json!({"resourceSubscriptions":["a+demo://x","zzz+demo://x","demo://x"]});
    assert_eq!(listen(&mut client, json!(1), wanted.clone()).await, json!({"resourceSubscriptions":["a+demo://x"]}));
    listen(&mut client, json!(2), wanted).await;
    let follow = |method| Operation::FollowUp { method, params: r#"{"uri":"demo://x"}"#.into() };
    assert_eq!((world.handler.calls(), world.handler.last().operation), (1, follow(FollowUp::Subscribe)));
    world.event(&client, "a", ServerEvent::ResourceUpdated { uri: "demo://x".into() });
    for _ in 0..2 {
        let (_, message) = client.next().await;
        assert_eq!(message["params"]["uri"], "a+demo://x");
    }
    client.send(json!({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(world.handler.calls(), 1);
    client.send(json!({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((world.handler.calls(), world.handler.last().operation), (2, follow(FollowUp::Unsubscribe)));
    world.event(&client, "a", ServerEvent::ResourceUpdated { uri: "demo://x".into() });
    world.event(&client, "a", ServerEvent::ToolsChanged);
    client.silence().await;
}

#[tokio::test(start_paused = true)]
async fn capabilities_that_no_server_has_are_not_acknowledged() {
    let world = World::new(vec![("a", Server { capabilities: json!({"tools":{}}), ..Server::default() })]);
    let mut client = world.one("a");
    let all = json!({"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["demo://x"]});
    assert_eq!(listen(&mut client, json!(1), all).await, json!({}));
    for bad in [json!({"toolsListChanged":"yes"}), json!(null), json!([])] {
        let answer = client.request(2, "subscriptions/listen", modern(json!({"notifications":bad}), json!({}))).await;
        assert_eq!(answer["error"]["code"], -32602, "{bad}");
    }
    let tasks = modern(json!({"notifications":{"taskIds":["x"]}}), json!({}));
    assert_eq!(client.request(2, "subscriptions/listen", tasks).await["error"]["code"], -32021);
}

#[tokio::test(start_paused = true)]
async fn streams_are_limited_and_end_with_a_result_on_shutdown() {
    let world = World::with(vec![("a", Server::default())], |config| config.listen_streams = 2);
    let mut client = world.one("a");
    listen(&mut client, json!(1), json!({})).await;
    listen(&mut client, json!(2), json!({})).await;
    let third = client.request(3, "subscriptions/listen", modern(json!({"notifications":{}}), json!({}))).await;
    assert_eq!(third["error"]["code"], -32602);
    client.connection.end_streams();
    let mut ended = client.drain().await;
    ended.sort_by_key(|message| message["id"].as_i64());
    assert_eq!(ended[0]["result"], json!({"resultType":"complete","_meta":{ID:1}}));
    assert_eq!(ended.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn connections_of_one_session_share_subscriptions_and_each_is_notified() {
    let world = World::new(vec![("a", Server::default())]);
    let mut first = world.one("a");
    let mut second = world.beside(&first, "a");
    let wanted = json!({"resourceSubscriptions":["demo://x"],"toolsListChanged":true});
    listen(&mut first, json!(1), wanted.clone()).await;
    listen(&mut second, json!(1), wanted).await;
    assert_eq!(world.handler.calls(), 1);
    world.event(&first, "a", ServerEvent::ResourceUpdated { uri: "demo://x".into() });
    for client in [&mut first, &mut second] {
        assert_eq!(client.next().await.1["params"], json!({"_meta":{ID:1},"uri":"demo://x"}));
    }
    first.send(json!({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(world.handler.calls(), 1);
    // One connection closes; the other stays.
    first.connection.close();
    world.event(&second, "a", ServerEvent::ToolsChanged);
    assert_eq!(second.next().await.1["method"], "notifications/tools/list_changed");
    first.silence().await;
    second.send(json!({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(world.handler.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn tasks_are_polled_and_not_acknowledged_on_streams() {
    let world = World::new(vec![("a", Server::default())]);
    let mut client = world.one("a");
    let can = json!({"extensions":{"io.modelcontextprotocol/tasks":{}}});
    client.ask(1, "subscriptions/listen", modern(json!({"notifications":{"taskIds":["x"]}}), can.clone()));
    assert_eq!(client.next().await.1["params"]["notifications"], json!({}));
    let bad = client.request(2, "subscriptions/listen", modern(json!({"notifications":{"taskIds":"x"}}), can)).await;
    assert_eq!(bad["error"]["code"], -32602);
}
