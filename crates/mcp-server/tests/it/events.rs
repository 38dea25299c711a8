//! Server messages outside of requests, and during calls.

use std::time::Duration;

use briefcase_mcp_server::{Route, View};
use briefcase_ports::{FollowUp, Operation, ServerEvent};
use serde_json::json;

use crate::world::{Server, World, doing, meta, modern, related, result};

#[tokio::test(start_paused = true)]
async fn many_changes_become_few_notifications() {
    let world = World::new(vec![("a", Server::default()), ("b", Server::default())]);
    let mut client = world.legacy(View::All, json!({})).await;
    for _ in 0..1000 {
        for server in ["a", "b"] {
            world.event(&client, server, ServerEvent::ToolsChanged);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    world.event(&client, "a", ServerEvent::PromptsChanged);
    let messages = client.drain().await;
    let tools = messages.iter().filter(|message| message["method"] == "notifications/tools/list_changed").count();
    assert!((2..=6).contains(&tools), "{tools}");
    assert_eq!(messages.iter().filter(|message| message["method"] == "notifications/prompts/list_changed").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_notification_before_initialized_or_from_servers_out_of_view() {
    let world = World::new(vec![("a", Server::default()), ("b", Server::default())]);
    let mut client = world.one("a");
    client.request(1, "initialize", json!({"protocolVersion":"2025-11-25"})).await;
    world.event(&client, "a", ServerEvent::ToolsChanged);
    client.silence().await;
    client.send(json!({"jsonrpc":"2.0","method":"notifications/initialized"}));
    world.event(&client, "b", ServerEvent::ToolsChanged);
    world.event(&client, "b", ServerEvent::Log { params: r#"{"level":"error","data":1}"#.into() });
    client.silence().await;
    world.event(&client, "a", ServerEvent::ResourcesChanged);
    assert_eq!(
        client.next().await,
        (Route::General, json!({"jsonrpc":"2.0","method":"notifications/resources/list_changed"}))
    );
}

#[tokio::test(start_paused = true)]
async fn updates_come_for_subscribed_resources_under_the_views_uri() {
    let world = World::new(vec![("a", Server::default()), ("b", Server::default())]);
    let mut client = world.legacy(View::All, json!({})).await;
    assert_eq!(
        client.request(1, "resources/subscribe", json!({"uri":"a+demo://x"})).await["result"],
        json!({"content":[]})
    );
    let updated = || ServerEvent::ResourceUpdated { uri: "demo://x".into() };
    world.event(&client, "b", updated());
    world.event(&client, "a", ServerEvent::ResourceUpdated { uri: "demo://y".into() });
    client.silence().await;
    for _ in 0..100 {
        world.event(&client, "a", updated());
    }
    let (_, message) = client.next().await;
    assert_eq!(
        message,
        json!({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a+demo://x"}})
    );
    client.silence().await;
    client.request(2, "resources/unsubscribe", json!({"uri":"a+demo://x"})).await;
    let expected = Operation::FollowUp { method: FollowUp::Unsubscribe, params: r#"{"uri":"demo://x"}"#.into() };
    assert_eq!(world.handler.last().operation, expected);
    world.event(&client, "a", updated());
    client.silence().await;
}

#[tokio::test(start_paused = true)]
async fn log_messages_pass_the_output_filter_the_level_and_a_limit() {
    let quiet = Server { capabilities: json!({"tools":{}}), ..Server::default() };
    let world = World::new(vec![("a", Server::default()), ("quiet", quiet)]);
    let mut client = world.legacy(View::All, json!({})).await;
    assert_eq!(client.request(1, "logging/setLevel", json!({"level":"warning"})).await["result"], json!({}));
    assert_eq!(world.handler.calls(), 0, "no server gets the level of a client");
    assert_eq!(client.request(2, "logging/setLevel", json!({"level":"loud"})).await["error"]["code"], -32602);
    let log =
        |level: &str, data: &str| ServerEvent::Log { params: json!({"level":level,"data":data}).to_string().into() };
    world.event(&client, "a", log("info", "x"));
    world.event(&client, "a", log("error", "forbidden"));
    world.event(&client, "a", log("error", "my secret"));
    let (_, message) = client.next().await;
    assert_eq!(message["params"], json!({"data":"my [redacted]","level":"error"}));
    for _ in 0..1000 {
        world.event(&client, "a", log("error", "flood"));
    }
    assert!(client.drain().await.len() <= 100);
}

#[tokio::test(start_paused = true)]
async fn progress_and_logs_of_a_call_belong_to_its_request() {
    let handler = doing(|_, peer| async move {
        peer.notify("notifications/progress", r#"{"progressToken":"foreign","progress":1.50,"message":"half"}"#.into());
        peer.notify("notifications/message", r#"{"level":"info","data":"hello"}"#.into());
        peer.notify("notifications/tools/list_changed", "{}".into());
        result(&json!({"content":[]}))
    });
    let world = World::new(vec![("a", Server { handler, ..Server::default() })]);
    let mut client = world.legacy(View::All, json!({})).await;
    client.ask(1, "tools/call", json!({"name":"a__t","_meta":{"progressToken":7}}));
    let (route, raw) = client.next_raw().await;
    assert_eq!(route, related(&json!(1)));
    assert!(raw.contains(r#""params":{"progressToken":7,"progress":1.50,"message":"half"}"#), "{raw}");
    assert_eq!(client.next().await.1["params"]["data"], "hello");
    assert_eq!(client.next().await.1["id"], 1);
    client.silence().await;
    // Modern: only the level of the request.
    client.request(2, "tools/call", modern(json!({"name":"a__t"}), json!({}))).await;
    let mut wanting = meta(json!({}));
    wanting["io.modelcontextprotocol/logLevel"] = json!("info");
    client.ask(3, "tools/call", json!({"name":"a__t","_meta":wanting}));
    let (route, log) = client.next().await;
    assert_eq!((route, &log["params"]["data"]), (related(&json!(3)), &json!("hello")));
    assert_eq!(client.next().await.1["id"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_flooding_call_is_limited_and_still_answered() {
    let handler = doing(|_, peer| async move {
        for number in 0..100_000 {
            peer.notify("notifications/progress", format!(r#"{{"progressToken":1,"progress":{number}}}"#).into());
        }
        result(&json!({"content":[]}))
    });
    let world = World::new(vec![("a", Server { handler, ..Server::default() })]);
    let mut client = world.legacy(View::All, json!({})).await;
    client.ask(1, "tools/call", json!({"name":"a__t","_meta":{"progressToken":1}}));
    let messages = client.drain().await;
    assert!(messages.len() < 1000, "{}", messages.len());
    assert_eq!(messages.last().unwrap()["id"], 1);
}
