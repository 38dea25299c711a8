//! The client against a server by other authors: the fixture of the official suite.

use briefcase_testkit::{ClientEra, McpClient, program};
use serde_json::json;
use tokio::process::Command;

#[tokio::test]
async fn the_fixture_answers_over_stdio_in_both_eras() {
    for era in [ClientEra::Legacy, ClientEra::Modern] {
        let client = McpClient::stdio(Command::new(program("fixture-conformance")), era);
        client.open().await.unwrap();
        let result = client.call("test_simple_text", json!({})).await.unwrap();
        assert_eq!(result["content"][0]["text"], "This is a simple text response for testing.");
        client.close().await;
    }
}

#[tokio::test]
async fn an_elicitation_arrives_during_a_call() {
    let client =
        McpClient::stdio(Command::new(program("fixture-conformance")), ClientEra::Legacy).answering(Box::new(|_| {
            Some(json!({ "action": "accept", "content": { "username": "u", "email": "e@example.org" } }))
        }));
    client.open().await.unwrap();
    let result = client.call("test_elicitation", json!({ "message": "Who?" })).await.unwrap();
    assert!(result["content"][0]["text"].as_str().unwrap().contains("accept"));
}
