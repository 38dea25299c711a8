//! All lists, under the names of the view.

use std::{collections::HashMap, time::Duration};

use briefcase_mcp_server::View;
use briefcase_types::{Refusal, RefusalCode};
use serde_json::json;

use crate::world::{Server, World, modern};

fn full() -> Server {
    let lists = HashMap::from([
        ("resources", vec![r#"{"uri":"demo://x","name":"x","vendor":1.10}"#.to_owned()]),
        ("templates", vec![r#"{"uriTemplate":"demo://{id}","name":"t"}"#.to_owned()]),
        ("prompts", vec![r#"{"title":"name","name":"p"}"#.to_owned()]),
    ]);
    let tools = vec![
        r#"{"x":1.10,"name":"b","inputSchema":{"type":"object","properties":{"name":{"type":"string"}}}}"#.to_owned(),
        r#"{"name":"a","inputSchema":{"type":"object"},"execution":{"taskSupport":"optional"}}"#.to_owned(),
    ];
    Server { lists, tools, ..Server::default() }
}

#[tokio::test(start_paused = true)]
async fn definitions_keep_every_byte_except_their_name() {
    let world = World::new(vec![("one", full()), ("two", full())]);
    let mut client = world.legacy(View::All, json!({})).await;
    client.ask(1, "tools/list", json!({}));
    let (_, raw) = client.next_raw().await;
    let listed = |server: &str| {
        let each = full().tools.into_iter();
        let each = each.map(|tool| tool.replace(r#""name":"b""#, &format!(r#""name":"{server}__b""#)));
        each.map(|tool| tool.replace(r#""name":"a""#, &format!(r#""name":"{server}__a""#)))
            .collect::<Vec<_>>()
            .join(",")
    };
    assert_eq!(
        raw,
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{},{}]}}}}"#, listed("one"), listed("two"))
    );
    let mut bare = world.legacy(View::One("one".parse().unwrap()), json!({})).await;
    bare.ask(1, "tools/list", json!({}));
    assert!(bare.next_raw().await.1.contains(&full().tools.join(",")));
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_list_has_its_names() {
    let world = World::new(vec![("one", full())]);
    let mut client = world.legacy(View::All, json!({})).await;
    let list =
        async |client: &mut crate::world::Client, method| client.request(1, method, json!({})).await["result"].clone();
    assert_eq!(list(&mut client, "resources/list").await["resources"][0]["uri"], "one+demo://x");
    assert_eq!(
        list(&mut client, "resources/templates/list").await["resourceTemplates"][0]["uriTemplate"],
        "one+demo://{id}"
    );
    let prompt = list(&mut client, "prompts/list").await["prompts"][0].clone();
    assert_eq!(prompt, json!({"title":"name","name":"one__p"}));
    let foreign = client.request(2, "prompts/list", json!({"cursor":"x"})).await;
    assert_eq!(foreign["error"]["code"], -32602);
}

#[tokio::test(start_paused = true)]
async fn modern_lists_are_private() {
    let world = World::new(vec![("one", full())]);
    let mut client = world.one("one");
    for method in ["tools/list", "resources/list", "resources/templates/list", "prompts/list"] {
        let result = client.request(1, method, modern(json!({}), json!({}))).await["result"].clone();
        assert_eq!(result["resultType"], "complete", "{method}");
        assert_eq!((&result["cacheScope"], &result["ttlMs"]), (&json!("private"), &json!(0)), "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_without_the_servers_capability_is_unknown_in_its_view() {
    let server = Server { capabilities: json!({"prompts":{}}), ..full() };
    let world = World::new(vec![("one", server), ("two", full())]);
    let mut client = world.one("one");
    let answer = client.request(1, "tools/list", modern(json!({}), json!({}))).await;
    assert_eq!(answer["error"]["code"], -32601);
    // In a view of all servers, its list is empty.
    let mut all = world.legacy(View::All, json!({})).await;
    let tools = all.request(1, "tools/list", json!({})).await["result"]["tools"].clone();
    assert_eq!(tools.as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_or_unreachable_server_does_not_fail_the_list_of_others() {
    let refusal = Refusal::new(RefusalCode::UpstreamError, "unreachable", "It is down.", "Start it.");
    let down = Server { down: Some(refusal), ..full() };
    let slow = Server { slow: Some(Duration::from_secs(3600)), ..full() };
    let world = World::new(vec![("down", down), ("slow", slow), ("up", full())]);
    let mut client = world.open("alice", View::All);
    let listed = client.request(1, "tools/list", modern(json!({}), json!({}))).await;
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 2);
    let mut alone = world.one("down");
    let failed = alone.request(1, "tools/list", modern(json!({}), json!({}))).await;
    assert_eq!((&failed["error"]["code"], &failed["error"]["data"]["receipt"]), (&json!(-31998), &json!(null)));
    assert_eq!(failed["error"]["data"]["code"], "upstream_error");
}

#[tokio::test(start_paused = true)]
async fn an_agent_without_servers_sees_nothing() {
    let world = World::new(vec![("one", full())]);
    let mut client = world.open("poor", View::All);
    let listed = client.request(1, "tools/list", modern(json!({}), json!({}))).await;
    assert_eq!(listed["result"]["tools"], json!([]));
    let called = client.request(1, "tools/call", modern(json!({"name":"one__a"}), json!({}))).await;
    assert_eq!(called["result"]["structuredContent"]["reason"], "unknown_name");
    assert_eq!(world.handler.calls(), 0);
}
