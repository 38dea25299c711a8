//! What real servers do: the same in each cell of client era and transport.

use std::{sync::Arc, time::Duration};

use briefcase_ports::{ConnectionKey, Reply, Upstreams};
use briefcase_types::Era;
use briefcase_upstream::{ListKind, ServerEvent};
use serde_json::{Value, json};

use crate::{
    peer,
    stage::{SECRET, Stage, line, outbound, session_line, until},
};

/// A stage with the peer on this transport.
async fn with_peer(transport: &str) -> Stage {
    let stage = Stage::new();
    if transport == "http" {
        stage.http("s", &peer::serve().await);
        return stage;
    }
    peer::on(&stage);
    stage
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{result}"))
}

async fn works(transport: &str, era: Era) {
    let stage = with_peer(transport).await;
    let line = line("s", era);
    let greeting = stage.pool.greeting(&line).await.unwrap();
    assert_eq!((greeting.era, greeting.instructions.as_deref()), (era, Some("be kind")));
    look(&stage, &line).await;
    let echoed = stage.call(&line, "echo", json!({"text": "héllo", "region": " eu"})).await.unwrap();
    assert_eq!(text(&echoed), "héllo");
    progress(&stage, &line).await;
    concurrent(&stage, &line).await;
    cancels(&stage, &line).await;
    changes(&stage, &line).await;
    stage.pool.shutdown().await;
}

async fn look(stage: &Stage, line: &ConnectionKey) {
    let first = stage.pool.list_tools(line).await.unwrap();
    assert_eq!(first.tools.len(), 8);
    let raw: Value = serde_json::from_slice(&first.tools[0].raw).unwrap();
    assert_eq!(raw["name"], "echo");
    let again = stage.pool.list_tools(line).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again), "the same bytes are the same listing");
    let resources = stage.pool.list(line, ListKind::Resources).await.unwrap();
    assert_eq!(resources.len(), 1);
    assert!(
        Arc::ptr_eq(&resources, &stage.pool.list(line, ListKind::Resources).await.unwrap()),
        "kept until it changes"
    );
    assert!(stage.pool.list(line, ListKind::Prompts).await.unwrap().is_empty(), "no capability, no question");
}

async fn progress(stage: &Stage, line: &ConnectionKey) {
    let params = json!({"name": "steps", "arguments": {}, "_meta": {"progressToken": "t-1"}});
    stage.send(line, "tools/call", params).await.unwrap();
    until(|| stage.ears.notes.lock().unwrap().len() == 3).await;
    let notes = stage.ears.notes.lock().unwrap();
    assert!(
        notes.iter().all(|(method, params)| method == "notifications/progress" && params["progressToken"] == "t-1")
    );
}

async fn concurrent(stage: &Stage, line: &ConnectionKey) {
    let calls = (0..64).map(|number| async move {
        let word = format!("w{number}");
        let result = stage.call(line, "echo", json!({"text": word})).await.unwrap();
        assert_eq!(text(&result), word, "each call gets its own answer");
    });
    futures_util::future::join_all(calls).await;
}

async fn cancels(stage: &Stage, line: &ConnectionKey) {
    let request = outbound("tools/call", &json!({"name": "sleep", "arguments": {}}));
    let cancel = request.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    });
    let failure = stage.pool.send(line, request, stage.ears.clone()).await.unwrap_err();
    assert_eq!(failure.reason(), "cancelled");
    let mut request = outbound("tools/call", &json!({"name": "sleep", "arguments": {}}));
    request.timeout = Duration::from_millis(50);
    assert_eq!(stage.pool.send(line, request, stage.ears.clone()).await.unwrap_err().reason(), "timeout");
}

async fn changes(stage: &Stage, line: &ConnectionKey) {
    let heard = || stage.ears.heard(&ServerEvent::ToolsChanged);
    // Whether the server already listens for us cannot be seen from here: it changes until it is heard.
    let changing = async {
        while !heard() {
            stage.call(line, "change", json!({})).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), changing).await.expect("the change was not told");
}

#[tokio::test]
async fn http_legacy() {
    works("http", Era::Legacy).await;
}

#[tokio::test]
async fn http_modern() {
    works("http", Era::Modern).await;
}

#[tokio::test]
async fn stdio_legacy() {
    works("stdio", Era::Legacy).await;
}

#[tokio::test]
async fn stdio_modern() {
    works("stdio", Era::Modern).await;
}

#[tokio::test]
async fn a_legacy_server_asks_in_the_middle_of_a_call() {
    for transport in ["http", "stdio"] {
        let stage = with_peer(transport).await;
        let result = stage.call(&line("s", Era::Legacy), "ask", json!({})).await.unwrap();
        assert_eq!(text(&result), r#"{"name":"Ada"}"#, "{transport}");
        assert_eq!(stage.ears.asked.lock().unwrap()[0].0, "elicitation/create");
        let log = stage.call(&line("s", Era::Legacy), "log", json!({})).await.unwrap();
        assert_eq!(text(&log), "done");
        assert_eq!(stage.ears.notes.lock().unwrap()[0].1["data"], "a line", "{transport}");
    }
}

#[tokio::test]
async fn a_modern_server_asks_a_modern_client_by_its_answer() {
    for transport in ["http", "stdio"] {
        let stage = with_peer(transport).await;
        let result = stage.call(&line("s", Era::Modern), "rounds", json!({})).await.unwrap();
        assert_eq!((&result["resultType"], &result["requestState"]), (&json!("input_required"), &json!("first")));
        assert!(stage.ears.asked.lock().unwrap().is_empty(), "the answer is the client's business");
    }
}

#[tokio::test]
async fn sessions_share_nothing() {
    let stage = with_peer("stdio").await;
    let (one, other) = (session_line("s", Era::Legacy, 'A'), session_line("s", Era::Legacy, 'B'));
    let first = stage.pool.list_tools(&one).await.unwrap();
    let second = stage.pool.list_tools(&other).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(first.digest, second.digest);
    stage.pool.close_session(one.session);
    assert_eq!(text(&stage.call(&other, "echo", json!({"text": "still here"})).await.unwrap()), "still here");
    stage.pool.shutdown().await;
}

#[tokio::test]
async fn attack_09_a_child_sees_only_what_was_named() {
    let stage = with_peer("stdio").await;
    let result = stage.call(&line("s", Era::Legacy), "environment", json!({})).await.unwrap();
    let mut names: Vec<_> = text(&result).split(',').collect();
    names.sort_unstable();
    assert_eq!(names, ["API_KEY", "HOME", "LANG", "PATH", "PEER_ON_STDIO"]);
    let mut seen = Vec::new();
    stage.pool.secrets(&"s".parse().unwrap(), &mut |secret| seen.push(secret.to_owned()));
    assert_eq!(seen, [SECRET], "the redactor is given what the child was given");
}

#[tokio::test]
async fn what_is_relayed_is_the_servers_own_bytes() {
    let stage = with_peer("http").await;
    let request = outbound("tools/call", &json!({"name": "echo", "arguments": {"text": "1"}}));
    let reply = stage.pool.send(&line("s", Era::Legacy), request, stage.ears.clone()).await.unwrap();
    let Reply::Result(raw) = reply else { panic!("an error") };
    assert!(raw.starts_with(b"{") && raw.ends_with(b"}"));
}
