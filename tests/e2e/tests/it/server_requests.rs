//! Requests of servers during a call: elicitation, sampling and roots reach the client and return, within and across
//! both eras.

use briefcase_testkit::{ClientEra, McpClient, program};
use e2e::Scene;
use serde_json::{Value, json};

async fn scene(reads: &[&str]) -> Scene {
    let scene = Scene::new().await;
    let argv = [program("fixture-conformance").to_str().unwrap().to_owned()];
    let spec = json!({ "transport": "stdio", "argv": argv });
    scene.daemon.admin.add_server("fixture", &spec, reads, &scene.setup.pin).await;
    scene
}

fn answers(request: &Value) -> Option<Value> {
    match request["method"].as_str()? {
        "elicitation/create" => {
            Some(json!({ "action": "accept", "content": { "username": "u", "email": "e@example.org" } }))
        }
        "sampling/createMessage" => Some(json!({
            "role": "assistant", "model": "test", "stopReason": "endTurn",
            "content": { "type": "text", "text": "from the model" }
        })),
        "roots/list" => Some(json!({ "roots": [{ "uri": "file:///somewhere" }] })),
        _ => None,
    }
}

fn said(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_question_of_an_older_server_reaches_an_older_client() {
    let scene = scene(&["test_elicitation", "test_sampling"]).await;
    let gateway = scene.gateway().await;
    let stdio = scene.unopened(None, ClientEra::Legacy);
    for client in [stdio, gateway.client(ClientEra::Legacy)] {
        let client: McpClient = client.answering(Box::new(answers));
        client.open().await.unwrap();
        let asked = client.call("fixture__test_elicitation", json!({ "message": "Who?" })).await.unwrap();
        assert!(said(&asked).contains("accept"), "{asked}");
        // The client's model costs the person something, so the person is asked first.
        let call = json!({ "name": "fixture__test_sampling", "arguments": { "prompt": "Say it" } });
        let sampling = client.start("tools/call", call).await;
        assert_eq!(scene.allow_next().await["operation"], "sampling/createMessage");
        let sampled = client.answer(sampling).await.unwrap();
        assert!(said(&sampled).contains("from the model"), "{sampled}");
    }
}
