//! Attack 57: a restored backup must not restore what belonged to the old incarnation.

use briefcase_testkit::{
    ClientEra, DaemonProcess, GatewayProcess, HttpUpstream, Script, TempHome, mock::tool, output_of,
};
use e2e::{Scene, assert_refused, refusal};
use http::Method;
use serde_json::{Value, json};

const ARCHIVE: &str = "a passphrase for the archive";

async fn restore(
    home: &TempHome,
    archive: &std::path::Path,
    passphrase: &str,
    unlock_key: &str,
) -> Result<Value, String> {
    let mut command = DaemonProcess::command(home);
    command.arg("restore").arg(archive);
    let keys = json!({ "passphrase": passphrase, "vault": { "unlock_key": unlock_key } });
    let output = output_of(command, format!("{keys}\n").as_bytes()).await;
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Guards: the new incarnation. Open requests, saved approvals, sessions and credentials of agents from the old one are
/// void until a person issues new ones. The receipts continue unbroken, and only its passphrase opens the archive.
#[tokio::test]
async fn attack_57_a_restore_brings_no_permission_back() {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("look"), tool("pay"), tool("send")])).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look"]).await;
    let (admin, pin) = (&scene.daemon.admin, scene.setup.pin.clone());
    let client = scene.client(ClientEra::Legacy).await;
    // A saved approval, an open request, and a session.
    let waiting = client.start("tools/call", json!({ "name": "mock__pay", "arguments": { "n": 1, "m": 1 } })).await;
    let question = admin.question().await;
    let rule = json!({ "decision": "allow", "scope": "rule", "fixed": ["n"], "seconds": 86_400 });
    assert_eq!(admin.decide(&question, &rule, &pin).await.0, 200);
    client.answer(waiting).await.unwrap();
    client.call("mock__pay", json!({ "n": 1, "m": 2 })).await.unwrap();
    assert_eq!(admin.get::<Vec<Value>>("/v1/grants").await.len(), 1);
    client.start("tools/call", json!({ "name": "mock__send", "arguments": {} })).await;
    let open = admin.question().await;
    let login: Value = admin.post("/v1/console/login", &json!({})).await;
    // No backup without a factor, and no opening without the archive's passphrase.
    let body = |pin: &str| json!({ "passphrase": ARCHIVE, "evidence": { "pin": pin } }).to_string().into_bytes();
    let json_body = [("content-type", "application/json")];
    assert_eq!(admin.raw(Method::POST, "/v1/backup", &json_body, body("314159")).await.unwrap().0, 403);
    let (status, archive) = admin.raw(Method::POST, "/v1/backup", &json_body, body(&pin)).await.unwrap();
    assert_eq!(status, 200);
    let Scene { daemon, setup, made, home } = scene;
    let fresh = TempHome::new();
    let file = fresh.file("archive.bak");
    std::fs::write(&file, &archive).unwrap();
    drop(client);
    daemon.stop().await;
    // Over an existing state, with a wrong passphrase, or from an edited archive: nothing is written.
    let told = restore(&home, &file, ARCHIVE, &made.unlock_key).await.unwrap_err();
    assert!(told.contains("already") || told.contains("another place"), "{told}");
    std::fs::remove_dir(fresh.state()).unwrap();
    let told = restore(&fresh, &file, "not the passphrase", &made.unlock_key).await.unwrap_err();
    assert!(told.contains("wrong"), "{told}");
    let mut edited = archive.to_vec();
    let middle = edited.len() / 2;
    edited[middle] ^= 1;
    let broken = fresh.file("edited.bak");
    std::fs::write(&broken, edited).unwrap();
    restore(&fresh, &broken, ARCHIVE, &made.unlock_key).await.unwrap_err();
    assert!(!fresh.state().join("briefcase.db").exists());
    // A wrong key of the enclosed briefcase leaves nothing either, so that the right one can follow.
    let other = DaemonProcess::set_up(&TempHome::new(), &setup).await.unlock_key;
    let told = restore(&fresh, &file, ARCHIVE, &other).await.unwrap_err();
    assert!(told.contains("the briefcase in it does not"), "{told}");
    assert!(!fresh.state().exists());
    restore(&fresh, &file, ARCHIVE, &made.unlock_key).await.unwrap();

    let daemon = Scene::restarted(&fresh, &made).await;
    let scene = Scene { daemon, setup, made, home: fresh };
    let admin = &scene.daemon.admin;
    assert!(admin.get::<Vec<Value>>("/v1/grants").await.is_empty(), "a rule came back");
    assert!(admin.get::<Vec<Value>>("/v1/approvals").await.is_empty(), "a question came back");
    let once = json!({ "decision": "allow", "scope": "once" });
    assert_eq!(admin.decide(&open, &once, &pin).await.0, 404);
    let effects = upstream.effects().len();
    let code = login["url"].as_str().unwrap().split_once("#code=").unwrap().1;
    let host = scene.daemon.console().trim_start_matches("http://").to_owned();
    let body = json!({ "code": code }).to_string();
    let request = format!(
        "POST /v1/console/session HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(
        briefcase_testkit::raw_http(&host, request.as_bytes()).await.status,
        401,
        "a login of the old incarnation"
    );
    // The agent's old credential is void: it might have been revoked after the backup. A person issues a new one.
    let client = GatewayProcess::stdio(&scene.home, &scene.made.token, None, ClientEra::Legacy);
    let entered = tokio::time::timeout(std::time::Duration::from_secs(5), client.request("ping", json!({}))).await;
    assert!(!matches!(entered, Ok(Ok(_))), "a credential came back");
    let renewed = scene.change(json!({ "change": "add_agent", "name": "default" })).await;
    let token = renewed["token"].as_str().unwrap();
    // A call that the saved approval covered asks again.
    let client = GatewayProcess::stdio(&scene.home, token, None, ClientEra::Legacy);
    client.open().await.unwrap();
    client.start("tools/call", json!({ "name": "mock__pay", "arguments": { "n": 1, "m": 3 } })).await;
    assert_eq!(admin.question().await["name"], "pay");
    assert_eq!(upstream.effects().len(), effects);
    drop(client);
    let rows = scene.receipts().await;
    assert!(rows.iter().any(|row| row["receipt"]["k"] == "restore"), "the restore is on record");
    let Scene { daemon, home, .. } = scene;
    daemon.stop().await;
    let report = Scene::fsck(&home).await;
    assert_eq!(report["clean"], true, "{report}");
}

/// Guards: a restore does not undo later events. A removed agent stays out, and the remainder of a budget cannot be
/// spent a second time, until a person decides.
#[tokio::test]
async fn attack_57_a_restore_brings_no_removed_agent_and_no_budget_back() {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("look")])).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look"]).await;
    let (admin, pin) = (&scene.daemon.admin, scene.setup.pin.clone());
    let mallory = admin.add_agent("mallory", &pin).await;
    let budget = |limit: &str| json!({ "change": "set_budget", "server": "mock", "window": "day", "limit": limit });
    scene.change(budget("3")).await;
    let client = scene.client(ClientEra::Legacy).await;
    client.call("mock__look", json!({ "n": 1 })).await.unwrap();
    let body = json!({ "passphrase": ARCHIVE, "evidence": { "pin": pin } }).to_string().into_bytes();
    let kind = [("content-type", "application/json")];
    let (status, archive) = admin.raw(Method::POST, "/v1/backup", &kind, body).await.unwrap();
    assert_eq!(status, 200);
    // After the backup, the rest of the budget is used and an agent is removed.
    client.call("mock__look", json!({ "n": 2 })).await.unwrap();
    client.call("mock__look", json!({ "n": 3 })).await.unwrap();
    assert_refused!(client.call("mock__look", json!({ "n": 4 })).await, "budget_exceeded");
    scene.change(json!({ "change": "remove_agent", "name": "mallory" })).await;
    drop(client);
    let Scene { daemon, setup, made, home: _old } = scene;
    daemon.stop().await;
    let fresh = TempHome::new();
    let file = fresh.file("archive.bak");
    std::fs::write(&file, &archive).unwrap();
    std::fs::remove_dir(fresh.state()).unwrap();
    restore(&fresh, &file, ARCHIVE, &made.unlock_key).await.unwrap();
    let daemon = Scene::restarted(&fresh, &made).await;
    let scene = Scene { daemon, setup, made, home: fresh };
    for token in [&mallory, &scene.made.token] {
        let old = GatewayProcess::stdio(&scene.home, token, None, ClientEra::Modern);
        assert!(old.call("mock__look", json!({})).await.is_err(), "a credential of the old incarnation is accepted");
    }
    let renewed = scene.change(json!({ "change": "add_agent", "name": "default" })).await;
    let client = GatewayProcess::stdio(&scene.home, renewed["token"].as_str().unwrap(), None, ClientEra::Legacy);
    client.open().await.unwrap();
    // What the agent read since the backup is unknown, so a call to a server outside asks first.
    let held = async |arguments: Value| {
        let id = client.start("tools/call", json!({ "name": "mock__look", "arguments": arguments })).await;
        scene.allow_next().await;
        client.answer(id).await
    };
    assert_refused!(held(json!({ "n": 5 })).await, "budget_exceeded");
    assert_eq!(upstream.effects().len(), 3);
    // A person may add more after a review.
    scene.change(budget("10")).await;
    let answer = held(json!({ "n": 6 })).await;
    assert_eq!(refusal(&answer), None, "{answer:?}");
}
