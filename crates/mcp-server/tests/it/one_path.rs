//! Attack 62: a client's own text around its calls stays here. Servers see fixed words and flags.

use briefcase_mcp_server::View;
use briefcase_ports::{ClientFeatures, ClientName, Operation};
use serde_json::{Value, json};

use crate::world::{Server, World, meta};

fn capabilities() -> Value {
    json!({
        "experimental": { "PRIVATE": {} }, "PRIVATE": {}, "extensions": { "PRIVATE": {} },
        "roots": { "listChanged": true, "PRIVATE": 1 }, "sampling": { "tools": {}, "PRIVATE": {} },
        "elicitation": { "url": {}, "PRIVATE": {} },
    })
}

const FEATURES: ClientFeatures = ClientFeatures {
    roots: true,
    roots_list_changed: true,
    sampling: true,
    sampling_tools: true,
    sampling_context: false,
    elicitation: true,
    elicitation_form: false,
    elicitation_url: true,
    tasks: false,
};

#[tokio::test(start_paused = true)]
async fn a_client_is_described_by_flags_and_at_most_a_plain_name() {
    for (info, name) in [
        (json!({ "name": "codex", "version": "1", "title": "PRIVATE" }), ClientName::new("codex", "1")),
        (json!({ "name": "has a secret", "version": "1" }), None),
        (json!({ "name": "codex", "version": "secret" }), None),
        (json!({ "name": "line\nbreak", "version": "1" }), None),
        (json!({ "name": "x".repeat(65), "version": "1" }), None),
        (json!({ "name": { "PRIVATE": 1 } }), None),
        (json!({}), None),
    ] {
        let world = World::new(vec![("srv", Server::default())]);
        let mut client = world.one("srv");
        let params =
            json!({ "protocolVersion": "PRIVATE", "capabilities": capabilities(), "clientInfo": info.clone() });
        client.request(1, "initialize", params).await;
        client.request(2, "tools/call", json!({ "name": "echo" })).await;
        let seen = world.handler.last().client;
        assert_eq!((seen.features, seen.name, seen.version), (FEATURES, name.clone(), "2025-11-25"), "{info}");

        let mut modern = world.one("srv");
        let mut described = meta(capabilities());
        described["io.modelcontextprotocol/clientInfo"] = info.clone();
        modern.request(1, "tools/call", json!({ "name": "echo", "_meta": described })).await;
        let seen = world.handler.last().client;
        assert_eq!((seen.features, seen.name, seen.version), (FEATURES, name, "2026-07-28"), "{info}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_level_stays_here() {
    let world = World::new(vec![("srv", Server::default())]);
    let mut client = world.legacy(View::One("srv".parse().unwrap()), json!({})).await;
    for (id, level) in (1..).zip(["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]) {
        assert_eq!(client.request(id, "logging/setLevel", json!({ "level": level })).await["result"], json!({}));
    }
    assert_eq!(world.handler.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_completion_passes_on_only_the_members_that_it_has() {
    let world = World::new(vec![("srv", Server::default())]);
    let mut client = world.legacy(View::One("srv".parse().unwrap()), json!({})).await;
    let params = json!({
        "note": "PRIVATE", "ref": { "type": "ref/prompt", "name": "p" }, "argument": { "name": "a", "value": "b" },
        "context": { "arguments": {} }, "_meta": { "x": "PRIVATE" },
    });
    client.request(1, "completion/complete", params).await;
    let Operation::Complete { params } = world.handler.last().operation else { panic!("a completion") };
    let sent: Value = serde_json::from_slice(&params).unwrap();
    assert_eq!(
        sent,
        json!({ "ref": { "type": "ref/prompt", "name": "p" }, "argument": { "name": "a", "value": "b" }, "context": { "arguments": {} } })
    );
}
