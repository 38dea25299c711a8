//! Attacks 24 and 25 with a real browser: a recorded passkey assertion, and a foreign page beside the console.

use std::{path::PathBuf, process::Stdio, time::Duration};

use briefcase_testkit::{ClientEra, HttpUpstream, McpClient, Script, mock::tool, without_secrets};
use e2e::{Scene, assert_no_effect};
use http::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// The time limit for one browser step, on a busy machine too.
const BROWSER_TIMEOUT: Duration = Duration::from_secs(180);

struct Browser {
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
}

impl Browser {
    fn start(script: &str, arguments: &[&str]) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let packages = folder.join("../../web/node_modules/playwright-core");
        assert!(packages.is_dir(), "the web packages are missing: run `cargo xtask setup`");
        let mut command = Command::new("node");
        command.arg(folder.join("browser").join(script)).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("node: run `cargo xtask setup`");
        let told = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, told }
    }

    /// Waits for the next word, which must be this one.
    async fn hear(&mut self, word: &str) -> Value {
        let line = tokio::time::timeout(BROWSER_TIMEOUT, self.told.next_line()).await.expect("the browser is slow");
        let told: Value = serde_json::from_str(&line.unwrap().unwrap_or_default()).unwrap_or_default();
        assert_eq!(told["word"], word, "{told}");
        told["value"].clone()
    }

    async fn tell(&mut self, line: &str) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
}

async fn scene() -> (Scene, HttpUpstream, String) {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("pay"), tool("send")])).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &[]).await;
    let login: Value = scene.daemon.admin.post("/v1/console/login", &json!({})).await;
    let address = login["url"].as_str().unwrap().to_owned();
    (scene, upstream, address)
}

async fn pay(client: &McpClient, name: &str) -> u64 {
    client.start("tools/call", json!({ "name": name, "arguments": { "n": 1 } })).await
}

async fn open(scene: &Scene) -> Vec<Value> {
    scene.daemon.admin.get("/v1/approvals").await
}

/// Sends evidence to every consumer except the decision it was made for. Fails if one accepts it.
async fn assert_worthless(scene: &Scene, evidence: &Value, mine: &Value, another: &Value, why: &str) {
    let admin = &scene.daemon.admin;
    let once = json!({ "decision": "allow", "scope": "once" });
    let rule = json!({ "decision": "allow", "scope": "rule", "fixed": [], "seconds": 86_400 });
    let session = json!({ "decision": "allow", "scope": "session_tool" });
    let deny = json!({ "decision": "deny" });
    let decisions = [(another, &once), (another, &deny), (mine, &rule), (mine, &session), (mine, &deny)];
    for (question, decision) in decisions {
        let path = format!("/v1/approvals/{}/decide", question["id"].as_str().unwrap());
        let body = json!({ "shown": question["digest"], "decision": decision, "evidence": evidence });
        let (status, body) = admin.send(Method::POST, &path, Some(&body)).await;
        assert!((400..500).contains(&status), "{why}: {decision}: {status} {body}");
    }
    for change in [
        json!({ "change": "set_policy", "text": "permit (principal, action, resource);" }),
        json!({ "change": "add_agent", "name": "mallory" }),
        json!({ "change": "set_pin", "pin": "918273" }),
    ] {
        let (_, preview) = admin.send(Method::POST, "/v1/changes/preview", Some(&without_secrets(&change))).await;
        let body = json!({ "change": change, "digest": preview["digest"], "evidence": evidence });
        let (status, body) = admin.send(Method::POST, "/v1/changes", Some(&body)).await;
        assert!((400..500).contains(&status), "{why}: {change}: {status} {body}");
    }
    let backup = json!({ "passphrase": "an archive of mine", "evidence": evidence });
    assert!((400..500).contains(&admin.send(Method::POST, "/v1/backup", Some(&backup)).await.0), "{why}: a backup");
}

/// Guards D3 and P3: a passkey assertion decides the one request it was made for, in the way it was made for, once. A
/// recording in the browser, before or after its use, is worthless.
#[tokio::test]
async fn attack_24_a_recorded_passkey_answer_is_good_for_nothing_else() {
    let (scene, upstream, address) = scene().await;
    let mut browser = Browser::start("assertion.mjs", &[&address]);
    browser.hear("offered").await;
    let offer: Value = scene.daemon.admin.get("/v1/passkey/offer").await;
    scene.change(json!({ "change": "add_passkey", "label": offer["label"], "credential": null })).await;
    browser.hear("enrolled").await;
    let version = scene.daemon.admin.get::<Value>("/v1/status").await["authority_version"].clone();

    let client = scene.client(ClientEra::Legacy).await;
    let waiting = pay(&client, "mock__pay").await;
    let mine = scene.daemon.admin.question().await;
    browser.tell(mine["id"].as_str().unwrap()).await;
    let stolen = browser.hear("stolen").await;
    assert_eq!(stolen["shown"], mine["digest"], "{stolen}");
    assert!(stolen["evidence"]["passkey"]["response"]["signature"].is_string(), "no assertion: {stolen}");
    // A second request beside it, of another conversation.
    let second = scene.client(ClientEra::Legacy).await;
    let other = pay(&second, "mock__send").await;
    let two = async || open(&scene).await.into_iter().find(|question| question["id"] != mine["id"]);
    let another = briefcase_testkit::eventually("the second question", two).await;
    assert_worthless(&scene, &stolen["evidence"], &mine, &another, "never used").await;
    assert_no_effect!(upstream);
    assert_eq!(open(&scene).await.len(), 2);
    assert_eq!(scene.daemon.admin.get::<Value>("/v1/status").await["authority_version"], version);

    // The person tries again, and this time the assertion arrives.
    browser.tell("go on").await;
    let used = browser.hear("used").await;
    client.answer(waiting).await.unwrap();
    assert_eq!(upstream.effects().len(), 1);
    for (recorded, why) in [(&used, "used"), (&stolen, "too late")] {
        let path = format!("/v1/approvals/{}/decide", mine["id"].as_str().unwrap());
        let (status, body) = scene.daemon.admin.send(Method::POST, &path, Some(recorded)).await;
        assert!((400..500).contains(&status), "{why}: {status} {body}");
        assert_worthless(&scene, &recorded["evidence"], &mine, &another, why).await;
    }
    assert_eq!(upstream.effects().len(), 1, "a recorded answer had an effect");
    assert_eq!(open(&scene).await, [another], "the second question was decided");
    assert_eq!(scene.daemon.admin.get::<Value>("/v1/status").await["authority_version"], version);
    second.notify("notifications/cancelled", json!({ "requestId": other })).await;
    browser.tell("go on").await;
}

/// Guards the loopback rules: a page of another port or host name in the same browser cannot frame the console, read
/// from it, or make it decide, even with the request, its digest and the PIN.
#[tokio::test]
async fn attack_25_a_hostile_page_beside_the_console_decides_nothing() {
    let (scene, upstream, address) = scene().await;
    let client = scene.client(ClientEra::Legacy).await;
    let waiting = pay(&client, "mock__pay").await;
    let question = scene.daemon.admin.question().await;
    let once = json!({ "decision": "allow", "scope": "once" });
    let body = json!({ "shown": question["digest"], "decision": once, "evidence": { "pin": scene.setup.pin } });
    let known = json!({ "id": question["id"], "body": body.to_string() }).to_string();
    let mut browser = Browser::start("hostile.mjs", &[&address, &known]);
    let tried = browser.hear("tried").await;
    assert_eq!(tried["read"], json!([]), "{tried}");
    assert_eq!(tried["framed"], json!([]), "{tried}");
    assert_eq!(tried["stands"], 1, "the console lost the question: {tried}");
    // The same tricks work without these defences.
    assert_eq!(tried["control"], 2, "a harmless page could not be framed: {tried}");
    assert!(tried["posted"].as_u64().unwrap() >= 2, "a form could not be posted: {tried}");
    assert_eq!(open(&scene).await, [question]);
    assert_no_effect!(upstream);
    scene.allow_next().await;
    client.answer(waiting).await.unwrap();
    assert_eq!(upstream.effects().len(), 1);
    browser.tell("go on").await;
}
