//! The console in use: a real browser, a passkey, the real daemon.

use std::{path::PathBuf, process::Stdio, time::Duration};

use briefcase_testkit::{ClientEra, HttpUpstream, MockAction, Script};
use e2e::Scene;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

fn browser_script() -> PathBuf {
    let web = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../web");
    assert!(web.join("node_modules/playwright-core").is_dir(), "the web packages are missing: run `cargo xtask setup`");
    web.join("console/test/live/passkey.mjs")
}

/// Guards D3: a passkey is enrolled only with an existing factor, and its assertion for one request allows exactly that
/// call. The browser then visits every page of the console.
#[tokio::test]
async fn a_passkey_enrolled_in_the_console_approves_a_call() {
    let upstream = HttpUpstream::start(Script::one("change", MockAction::Echo)).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &[]).await;
    let login: Value = scene.daemon.admin.post("/v1/console/login", &json!({})).await;
    let mut browser = Command::new("node")
        .arg(browser_script())
        .arg(login["url"].as_str().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node: run `cargo xtask setup`");
    let mut told = BufReader::new(browser.stdout.take().unwrap()).lines();
    let mut hear = async || {
        let line = tokio::time::timeout(Duration::from_secs(120), told.next_line()).await.expect("the browser is slow");
        line.unwrap().unwrap_or_default()
    };

    assert_eq!(hear().await, "offered");
    let offer: Value = scene.daemon.admin.get("/v1/passkey/offer").await;
    let add = json!({ "change": "add_passkey", "label": offer["label"], "credential": null });
    let preview: Value = scene.daemon.admin.post("/v1/changes/preview", &add).await;
    let wrong = json!({ "change": add, "digest": preview["digest"], "evidence": { "pin": "000000" } });
    let (status, _) = scene.daemon.admin.send(http::Method::POST, "/v1/changes", Some(&wrong)).await;
    assert_eq!(status, 403, "a passkey is not enrolled without a factor");
    scene.change(add).await;
    assert_eq!(hear().await, "enrolled");

    let client = scene.client(ClientEra::Legacy).await;
    let waiting = client.start("tools/call", json!({ "name": "mock__change", "arguments": { "to": "x" } })).await;
    assert_eq!(hear().await, "allowed");
    let answer = client.answer(waiting).await.unwrap();
    assert_eq!(answer["content"][0]["text"], r#"{"to":"x"}"#);
    assert_eq!(upstream.effects().len(), 1);
    let approved = scene.receipts().await.into_iter().find(|row| row["receipt"]["step"] == "approved").unwrap();
    assert_eq!(approved["receipt"]["factor"], "passkey");
    browser.stdin.as_mut().unwrap().write_all(b"done\n").await.unwrap();
    assert_eq!(hear().await, "clean", "the page broke its own rules");
}
