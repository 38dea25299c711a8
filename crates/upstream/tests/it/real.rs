//! Real servers: the same behaviour for each client era and transport.

use std::{sync::Arc, time::Duration};

use briefcase_ports::{
    ConnectionKey, ListKind, Reply, SecretSource as _, ServerCatalog as _, ServerEvent, Sharing, Upstreams,
};
use briefcase_types::Era;
use serde_json::{Value, json};

use crate::{
    harness::{Harness, SECRET, eventually, key, outbound, session_key},
    peer,
};

/// A harness with the peer on this transport.
async fn with_peer(transport: &str) -> Harness {
    let harness = Harness::new();
    if transport == "http" {
        harness.http("s", &peer::serve().await);
        return harness;
    }
    peer::on(&harness);
    harness
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{result}"))
}

async fn works(transport: &str, era: Era) {
    let harness = with_peer(transport).await;
    let key = key("s", era);
    let server_info = harness.pool.server_info(&key).await.unwrap();
    assert_eq!((server_info.era, server_info.instructions.as_deref()), (era, Some("be kind")));
    lists(&harness, &key).await;
    let echoed = harness.call(&key, "echo", json!({"text": "héllo", "region": " eu"})).await.unwrap();
    assert_eq!(text(&echoed), "héllo");
    progress(&harness, &key).await;
    concurrent(&harness, &key).await;
    cancels(&harness, &key).await;
    changes(&harness, &key).await;
    harness.pool.shutdown().await;
}

async fn lists(harness: &Harness, key: &ConnectionKey) {
    let first = harness.pool.list_tools(key).await.unwrap();
    assert_eq!(first.tools.len(), 8);
    let raw: Value = serde_json::from_slice(&first.tools[0].raw).unwrap();
    assert_eq!(raw["name"], "echo");
    let again = harness.pool.list_tools(key).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again), "the same bytes are the same listing");
    let resources = harness.pool.list(key, ListKind::Resources).await.unwrap();
    assert_eq!(resources.len(), 1);
    assert!(
        Arc::ptr_eq(&resources, &harness.pool.list(key, ListKind::Resources).await.unwrap()),
        "kept eventually it changes"
    );
    assert!(harness.pool.list(key, ListKind::Prompts).await.unwrap().is_empty(), "no capability, no request");
}

async fn progress(harness: &Harness, key: &ConnectionKey) {
    let params = json!({"name": "steps", "arguments": {}, "_meta": {"progressToken": "t-1"}});
    harness.send(key, "tools/call", params).await.unwrap();
    eventually(|| harness.recorder.notifications.lock().unwrap().len() == 3).await;
    let notifications = harness.recorder.notifications.lock().unwrap();
    assert!(
        notifications
            .iter()
            .all(|(method, params)| method == "notifications/progress" && params["progressToken"] == "t-1")
    );
}

async fn concurrent(harness: &Harness, key: &ConnectionKey) {
    let calls = (0..64).map(|number| async move {
        let word = format!("w{number}");
        let result = harness.call(key, "echo", json!({"text": word})).await.unwrap();
        assert_eq!(text(&result), word, "each call gets its own answer");
    });
    futures_util::future::join_all(calls).await;
}

async fn cancels(harness: &Harness, key: &ConnectionKey) {
    let request = outbound("tools/call", &json!({"name": "sleep", "arguments": {}}));
    let cancel = request.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    });
    let failure = harness.pool.send(key, request, harness.recorder.clone()).await.unwrap_err();
    assert_eq!(failure.reason(), "cancelled");
    let mut request = outbound("tools/call", &json!({"name": "sleep", "arguments": {}}));
    request.timeout = Duration::from_millis(50);
    assert_eq!(harness.pool.send(key, request, harness.recorder.clone()).await.unwrap_err().reason(), "timeout");
}

async fn changes(harness: &Harness, key: &ConnectionKey) {
    let received = || harness.recorder.has_event(&ServerEvent::ToolsChanged);
    // Whether the server already listens for us cannot be seen from here: it changes its tools until the event arrives.
    let changing = async {
        while !received() {
            harness.call(key, "change", json!({})).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), changing).await.expect("the change was not announced");
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
async fn a_legacy_server_sends_requests_during_a_call() {
    for transport in ["http", "stdio"] {
        let harness = with_peer(transport).await;
        let result = harness.call(&key("s", Era::Legacy), "ask", json!({})).await.unwrap();
        assert_eq!(text(&result), r#"{"name":"Ada"}"#, "{transport}");
        assert_eq!(harness.recorder.requests.lock().unwrap()[0].0, "elicitation/create");
        let log = harness.call(&key("s", Era::Legacy), "log", json!({})).await.unwrap();
        assert_eq!(text(&log), "done");
        assert_eq!(harness.recorder.notifications.lock().unwrap()[0].1["data"], "a line", "{transport}");
    }
}

#[tokio::test]
async fn a_modern_server_requires_input_of_a_modern_client_in_its_reply() {
    for transport in ["http", "stdio"] {
        let harness = with_peer(transport).await;
        let result = harness.call(&key("s", Era::Modern), "rounds", json!({})).await.unwrap();
        assert_eq!((&result["resultType"], &result["requestState"]), (&json!("input_required"), &json!("first")));
        assert!(harness.recorder.requests.lock().unwrap().is_empty(), "the client answers by a new request");
    }
}

#[tokio::test]
async fn sessions_share_nothing() {
    let harness = with_peer("stdio").await;
    let (one, other) = (session_key("s", Era::Legacy, 'A'), session_key("s", Era::Legacy, 'B'));
    let first = harness.pool.list_tools(&one).await.unwrap();
    let second = harness.pool.list_tools(&other).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(first.digest, second.digest);
    harness.pool.close_session(one.session);
    assert_eq!(text(&harness.call(&other, "echo", json!({"text": "still here"})).await.unwrap()), "still here");
    harness.pool.shutdown().await;
}

#[tokio::test]
async fn attack_09_a_child_gets_only_the_named_variables() {
    let harness = with_peer("stdio").await;
    let result = harness.call(&key("s", Era::Legacy), "environment", json!({})).await.unwrap();
    let mut names: Vec<_> = text(&result).split(',').collect();
    names.sort_unstable();
    assert_eq!(names, ["API_KEY", "HOME", "LANG", "PATH", "PEER_ON_STDIO"]);
    let spec = harness.catalog.spec(&"s".parse().unwrap()).unwrap();
    let mut seen = Vec::new();
    for name in spec.transport.secrets() {
        harness.catalog.with_secret(name, &mut |secret| seen.push(secret.to_owned())).unwrap();
    }
    assert_eq!(seen, [SECRET], "a redactor of the transport's secrets is given what the child was given");
}

#[tokio::test]
async fn a_relayed_result_is_the_servers_own_bytes() {
    let harness = with_peer("http").await;
    let request = outbound("tools/call", &json!({"name": "echo", "arguments": {"text": "1"}}));
    let reply = harness.pool.send(&key("s", Era::Legacy), request, harness.recorder.clone()).await.unwrap();
    let Reply::Result(raw) = reply else { panic!("an error") };
    assert!(raw.starts_with(b"{") && raw.ends_with(b"}"));
}

#[tokio::test]
async fn a_connection_is_shared_as_its_key_says() {
    let harness = with_peer("stdio").await;
    let server = "s".parse().unwrap();
    for (sharing, connections) in [(Sharing::Session, 2), (Sharing::Agent, 1), (Sharing::All, 1)] {
        for session in ['A', 'B'] {
            let key = ConnectionKey { sharing, ..session_key("s", Era::Legacy, session) };
            assert_eq!(text(&harness.call(&key, "echo", json!({"text": "x"})).await.unwrap()), "x");
        }
        assert_eq!(harness.pool.connections(&server), connections, "{sharing:?}");
        harness.pool.close_session(session_key("s", Era::Legacy, 'A').session);
        let left = if sharing == Sharing::Session { 1 } else { connections };
        assert_eq!(harness.pool.connections(&server), left, "only what the session owns is closed");
        harness.pool.forget_server(&server);
    }
}
