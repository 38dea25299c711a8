//! Through the gateway, the reference server offers the same as directly.

use std::collections::BTreeMap;

use briefcase_testkit::{ClientEra, McpClient};
use e2e::Scene;
use serde_json::{Value, json};
use tokio::process::Command;

/// The command line of the reference server, a third-party program from the lock file of the fixtures.
fn reference() -> Vec<String> {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/npm").canonicalize().unwrap();
    let script = fixtures.join("node_modules/@modelcontextprotocol/server-everything/dist/index.js");
    assert!(script.is_file(), "the reference server is not installed: run `cargo xtask setup`");
    vec!["node".into(), script.to_str().unwrap().into(), "stdio".into()]
}

async fn direct() -> McpClient {
    opened(reached()).await
}

/// A client that reaches the server without Briefcase.
fn reached() -> McpClient {
    let argv = reference();
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]);
    McpClient::stdio(command, ClientEra::Legacy)
}

async fn opened(client: McpClient) -> McpClient {
    client.open().await.unwrap();
    client
}

/// A briefcase with the reference server. All its tools are reads.
async fn scene() -> Scene {
    let scene = Scene::new().await;
    let spec = json!({ "transport": "stdio", "argv": reference() });
    let tools = direct().await.tool_names().await;
    let reads: Vec<&str> = tools.iter().map(String::as_str).collect();
    scene.daemon.admin.add_server("everything", &spec, &reads, &scene.setup.pin).await;
    scene
}

fn by_name(tools: Vec<Value>, prefix: &str) -> BTreeMap<String, Value> {
    let name = |tool: &Value| tool["name"].as_str().unwrap().trim_start_matches(prefix).to_owned();
    tools
        .into_iter()
        .map(|mut tool| {
            let name = name(&tool);
            tool["name"] = json!(name);
            (name, tool)
        })
        .collect()
}

#[tokio::test]
async fn definitions_are_the_servers_own() {
    // The server lists one tool more to a client with these features, which Briefcase has.
    let features = json!({ "roots": {}, "sampling": {}, "elicitation": { "form": {}, "url": {} } });
    let (scene, direct) = (scene().await, opened(reached().declaring(features)).await);
    let own = by_name(direct.tools().await, "");
    assert!(own.len() >= 10, "{own:?}");
    let client = scene.client(ClientEra::Legacy).await;
    assert_eq!(by_name(client.tools().await, "everything__"), own);
    let bare = scene.client_of("everything", ClientEra::Legacy).await;
    assert_eq!(by_name(bare.tools().await, ""), own);
}

#[tokio::test]
async fn calls_resources_and_prompts_return_the_same_as_directly() {
    let (scene, direct) = (scene().await, direct().await);
    let bare = scene.client_of("everything", ClientEra::Legacy).await;
    let calls = [
        ("echo", json!({ "message": "hello" })),
        ("get-sum", json!({ "a": 2, "b": 3 })),
        ("get-tiny-image", json!({})),
        ("get-structured-content", json!({ "location": "New York" })),
        ("get-annotated-message", json!({ "messageType": "success", "includeImage": false })),
    ];
    for (tool, arguments) in calls {
        let (ours, theirs) = (bare.call(tool, arguments.clone()).await, direct.call(tool, arguments).await);
        assert_eq!(ours.unwrap(), theirs.unwrap(), "{tool}");
    }
    for list in ["resources/list", "resources/templates/list", "prompts/list"] {
        let (ours, theirs) = (bare.request(list, json!({})).await, direct.request(list, json!({})).await);
        assert_eq!(ours.unwrap(), theirs.unwrap(), "{list}");
    }
    let prompts = direct.request("prompts/list", json!({})).await.unwrap();
    let prompt = prompts["prompts"][0]["name"].clone();
    let get = json!({ "name": prompt, "arguments": {} });
    let (ours, theirs) = (bare.request("prompts/get", get.clone()).await, direct.request("prompts/get", get).await);
    assert_eq!(ours, theirs);
    let resources = direct.request("resources/list", json!({})).await.unwrap();
    let read = json!({ "uri": resources["resources"][0]["uri"] });
    let (ours, theirs) =
        (bare.request("resources/read", read.clone()).await, direct.request("resources/read", read).await);
    assert_eq!(ours.unwrap(), theirs.unwrap());
}

#[tokio::test]
async fn a_client_of_the_newer_era_uses_the_older_server() {
    let scene = scene().await;
    let client = scene.client_of("everything", ClientEra::Modern).await;
    let sum = client.call("get-sum", json!({ "a": 2, "b": 3 })).await.unwrap();
    assert_eq!(sum["resultType"], "complete");
    assert!(sum["content"][0]["text"].as_str().unwrap().contains('5'), "{sum}");
}

#[tokio::test]
async fn progress_reaches_the_client_under_its_own_token() {
    let scene = scene().await;
    let client = scene.client_of("everything", ClientEra::Legacy).await;
    let call = json!({
        "name": "trigger-long-running-operation", "arguments": { "duration": 1, "steps": 3 },
        "_meta": { "progressToken": "mine" }
    });
    client.request("tools/call", call).await.unwrap();
    let progress = client.notification("notifications/progress").await;
    assert_eq!(progress["params"]["progressToken"], "mine");
    assert_eq!(client.notifications().iter().filter(|n| n["method"] == "notifications/progress").count(), 3);
}

/// The log messages of the reference server: one for each subscription, of the level `info`.
async fn subscribe(client: &McpClient, method: &str, uri: &str) {
    client.request(method, json!({ "uri": uri })).await.unwrap();
}

#[tokio::test]
async fn log_lines_pass_from_the_level_that_the_client_set() {
    let scene = scene().await;
    let client = scene.client_of("everything", ClientEra::Legacy).await;
    let uri = "demo://resource/dynamic/text/1";
    client.request("logging/setLevel", json!({ "level": "error" })).await.unwrap();
    subscribe(&client, "resources/subscribe", uri).await;
    client.request("logging/setLevel", json!({ "level": "debug" })).await.unwrap();
    subscribe(&client, "resources/unsubscribe", uri).await;
    let line = client.notification("notifications/message").await;
    assert_eq!(line["params"]["level"], "info");
    let said = line["params"]["data"].as_str().unwrap();
    assert!(said.starts_with("Received Unsubscribe"), "a line below the level that was set: {said}");
    let wrong = client.request("logging/setLevel", json!({ "level": "loud" })).await;
    assert_eq!(wrong.unwrap_err().code, -32602);
}

#[tokio::test]
async fn a_subscribed_resource_notifies_of_changes_under_its_name_in_the_view() {
    let scene = scene().await;
    // The server itself declares that its switch is not a read: a person is asked each time.
    let _person = scene.daemon.admin.allow_everything(&scene.setup.pin);
    for (server, prefix) in [(None, "everything+"), (Some("everything"), "")] {
        let client = match server {
            Some(server) => scene.client_of(server, ClientEra::Legacy).await,
            None => scene.client(ClientEra::Legacy).await,
        };
        let tool = if server.is_some() { "toggle-subscriber-updates" } else { "everything__toggle-subscriber-updates" };
        let uri = format!("{prefix}demo://resource/dynamic/text/1");
        subscribe(&client, "resources/subscribe", &uri).await;
        client.call(tool, json!({})).await.unwrap();
        let update = client.notification("notifications/resources/updated").await;
        assert_eq!(update["params"]["uri"], uri.as_str());
        client.call(tool, json!({})).await.unwrap();
        subscribe(&client, "resources/unsubscribe", &uri).await;
        let told = client.notifications().iter().filter(|note| note["method"] == update["method"]).count();
        // The server restarts, and has no client to notify.
        client.call(tool, json!({})).await.unwrap();
        client.call(tool, json!({})).await.unwrap();
        let after = client.notifications().iter().filter(|note| note["method"] == update["method"]).count();
        assert_eq!(after, told);
    }
}

#[tokio::test]
async fn roots_and_their_changes_reach_the_server_and_its_new_tool_is_no_surprise_to_the_client() {
    let scene = scene().await;
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&asked);
    let client = scene.unopened(Some("everything"), ClientEra::Legacy);
    let client =
        client.declaring(json!({ "roots": { "listChanged": true } })).answering(Box::new(move |question: &Value| {
            assert_eq!(question["method"], "roots/list");
            let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Some(json!({ "roots": [{ "uri": format!("file:///root-{number}") }] }))
        }));
    client.open().await.unwrap();
    client.tools().await;
    // The server registers a tool for clients with roots, and announces it.
    client.notification("notifications/tools/list_changed").await;
    let questions = || asked.load(std::sync::atomic::Ordering::SeqCst);
    let asked_more_than = async |before: usize| {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        while questions() <= before {
            assert!(tokio::time::Instant::now() < deadline, "the server never asked for the roots");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    asked_more_than(0).await;
    let before = questions();
    client.notify("notifications/roots/list_changed", json!({})).await;
    asked_more_than(before).await;
}
