//! The reference server offers through the gateway what it offers directly.

use std::collections::BTreeMap;

use briefcase_testkit::{Client, Era};
use e2e::Scene;
use serde_json::{Value, json};
use tokio::process::Command;

/// The reference server's command line: a third party's program, from the fixtures' lock file.
fn reference() -> Vec<String> {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/npm").canonicalize().unwrap();
    let script = fixtures.join("node_modules/@modelcontextprotocol/server-everything/dist/index.js");
    assert!(script.is_file(), "the reference server is not installed: run `cargo xtask setup`");
    vec!["node".into(), script.to_str().unwrap().into(), "stdio".into()]
}

async fn direct() -> Client {
    let argv = reference();
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]);
    let client = Client::stdio(command, Era::Legacy);
    client.open().await.unwrap();
    client
}

/// The briefcase with the reference server, every tool of which is a read.
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
    let (scene, direct) = (scene().await, direct().await);
    let own = by_name(direct.tools().await, "");
    assert!(own.len() >= 10, "{own:?}");
    let client = scene.client(Era::Legacy).await;
    assert_eq!(by_name(client.tools().await, "everything__"), own);
    let bare = scene.client_of("everything", Era::Legacy).await;
    assert_eq!(by_name(bare.tools().await, ""), own);
}

#[tokio::test]
async fn calls_resources_and_prompts_give_what_they_give_directly() {
    let (scene, direct) = (scene().await, direct().await);
    let bare = scene.client_of("everything", Era::Legacy).await;
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
    let client = scene.client_of("everything", Era::Modern).await;
    let sum = client.call("get-sum", json!({ "a": 2, "b": 3 })).await.unwrap();
    assert_eq!(sum["resultType"], "complete");
    assert!(sum["content"][0]["text"].as_str().unwrap().contains('5'), "{sum}");
}

#[tokio::test]
async fn progress_reaches_the_client_under_its_own_token() {
    let scene = scene().await;
    let client = scene.client_of("everything", Era::Legacy).await;
    let call = json!({
        "name": "trigger-long-running-operation", "arguments": { "duration": 1, "steps": 3 },
        "_meta": { "progressToken": "mine" }
    });
    client.request("tools/call", call).await.unwrap();
    let progress = client.notification("notifications/progress").await;
    assert_eq!(progress["params"]["progressToken"], "mine");
    assert_eq!(client.notifications().iter().filter(|n| n["method"] == "notifications/progress").count(), 3);
}
