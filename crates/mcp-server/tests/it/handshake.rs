//! The handshake and discovery, in both eras and both views.

use std::time::Duration;

use briefcase_mcp_server::View;
use briefcase_types::Era;
use briefcase_types::{Refusal, RefusalCode};
use serde_json::json;

use crate::world::{Server, World, modern};

#[tokio::test(start_paused = true)]
async fn a_single_server_keeps_its_capabilities_under_our_name() {
    let capabilities = json!({"tools":{"listChanged":true},"tasks":{"list":{},"cancel":{}},"x":{}});
    let server = Server { capabilities, instructions: Some("Be kind.".into()), ..Server::default() };
    let world = World::new(vec![("srv", server), ("other", Server::default())]);
    let mut client = world.one("srv");
    let answer = client.handshake(json!({})).await;
    let result = &answer["result"];
    assert_eq!(result["protocolVersion"], "2025-11-25");
    assert_eq!(result["serverInfo"]["name"], "briefcase");
    assert_eq!(result["capabilities"], json!({"tools":{"listChanged":true},"tasks":{"cancel":{}}}));
    assert_eq!(result["instructions"], "Be kind.");
    client.send(json!({"jsonrpc":"2.0","method":"notifications/roots/list_changed"}));
    assert_eq!(*world.handler.notified.lock().unwrap(), ["notifications/roots/list_changed"]);
}

#[tokio::test(start_paused = true)]
async fn a_view_of_all_servers_is_a_union_with_the_instructions_of_each() {
    let first = Server { capabilities: json!({"tools":{}}), instructions: Some("One.".into()), ..Server::default() };
    let second = Server { capabilities: json!({"prompts":{"listChanged":true}}), ..Server::default() };
    let world = World::new(vec![("a", first), ("b", second)]);
    let mut client = world.open("alice", View::All);
    let answer = client.handshake(json!({})).await;
    assert_eq!(answer["result"]["capabilities"], json!({"tools":{},"prompts":{"listChanged":true}}));
    let instructions = answer["result"]["instructions"].as_str().unwrap();
    assert!(instructions.contains("server__name") && instructions.ends_with("The server `a` describes itself:\nOne."));
}

#[tokio::test(start_paused = true)]
async fn a_slow_or_unreachable_server_hides_no_capability() {
    let slow = Server { slow: Some(Duration::from_secs(3600)), ..Server::default() };
    let world = World::new(vec![("a", slow), ("b", Server { capabilities: json!({"tools":{}}), ..Server::default() })]);
    let answer = world.open("alice", View::All).handshake(json!({})).await;
    assert_eq!(answer["result"]["capabilities"]["resources"], json!({"listChanged":true,"subscribe":true}));
}

#[tokio::test(start_paused = true)]
async fn the_view_of_a_disabled_server_is_refused_and_can_be_retried() {
    let refusal = Refusal::new(RefusalCode::Unavailable, "locked", "The vault is locked.", "Unlock it.");
    let world = World::new(vec![("srv", Server { down: Some(refusal), ..Server::default() })]);
    let mut client = world.one("srv");
    for _ in 0..2 {
        let answer = client.handshake(json!({})).await;
        assert_eq!(answer["error"]["code"], -31999);
        assert_eq!(answer["error"]["data"]["reason"], "locked");
    }
    let mut poor = world.open("poor", View::One("srv".parse().unwrap()));
    assert_eq!(poor.handshake(json!({})).await["error"]["data"]["reason"], "server_not_enabled");
    let discovered = poor.request(1, "server/discover", modern(json!({}), json!({}))).await;
    assert_eq!(discovered["error"]["code"], -31999);
}

#[tokio::test(start_paused = true)]
async fn discovery_is_private_and_names_every_version() {
    let capabilities = json!({"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}});
    let world = World::new(vec![("srv", Server { era: Era::Modern, capabilities, ..Server::default() })]);
    let mut client = world.one("srv");
    let result = client.request(1, "server/discover", modern(json!({}), json!({}))).await["result"].clone();
    assert_eq!(result["supportedVersions"], json!(["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]));
    assert_eq!(result["capabilities"]["extensions"], json!({"io.modelcontextprotocol/tasks":{}}));
    assert_eq!(
        (&result["cacheScope"], &result["ttlMs"], &result["resultType"]),
        (&json!("private"), &json!(0), &json!("complete"))
    );
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "briefcase");
    // The same server has no such extension for a legacy client.
    assert_eq!(world.one("srv").handshake(json!({})).await["result"]["capabilities"], json!({"tools":{}}));
}

#[tokio::test(start_paused = true)]
async fn both_eras_share_a_connection() {
    let world = World::new(vec![("srv", Server::default())]);
    let mut client = world.legacy(View::All, json!({})).await;
    let modern_call = client.request(1, "tools/call", modern(json!({"name":"srv__echo"}), json!({}))).await;
    assert_eq!(modern_call["result"]["resultType"], "complete");
    let legacy_call = client.request(1, "tools/call", json!({"name":"srv__echo"})).await;
    assert_eq!(legacy_call["result"], json!({"content":[]}));
}
