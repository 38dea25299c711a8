//! Attacks 53–57: on budgets, receipts, the disk and the vault, and through a backup.

use std::path::{Path, PathBuf};

use briefcase_testkit::{
    ClientEra, DaemonProcess, GatewayProcess, HttpUpstream, McpClient, MockAction, Script, SetupOptions, TempHome,
    mock::tool, output_of,
};
use e2e::{Scene, assert_refused, refusal};
use http::Method;
use rustix::process::{Pid, Resource, Rlimit};
use serde_json::{Value, json};

async fn scene(script: Script) -> (Scene, HttpUpstream) {
    let upstream = HttpUpstream::start(script).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look", "slow"]).await;
    (scene, upstream)
}

fn script() -> Script {
    let slow = MockAction::After { ms: 30, then: Box::new(MockAction::Echo) };
    Script::with_tools(vec![tool("look"), tool("slow"), tool("pay")]).on("slow", slow)
}

fn key(scene: &Scene) -> Value {
    json!({ "unlock_key": scene.made.unlock_key })
}

async fn assert_clean(home: &TempHome) {
    let report = Scene::fsck(home).await;
    assert_eq!(report["clean"], true, "{report}");
}

fn count(rows: &[Value], kind: &str) -> usize {
    rows.iter().filter(|row| row["receipt"]["k"] == kind).count()
}

/// Guards: a budget limits calls that race for its remainder.
#[tokio::test]
async fn attack_53_two_hundred_calls_do_not_pass_a_limit_of_fifty() {
    let (scene, upstream) = scene(script()).await;
    scene.change(json!({ "change": "set_budget", "window": "day", "limit": "50", "server": "mock" })).await;
    let clients: [McpClient; 4] = [
        scene.client(ClientEra::Legacy).await,
        scene.client(ClientEra::Legacy).await,
        scene.client(ClientEra::Modern).await,
        scene.client(ClientEra::Modern).await,
    ];
    let mut ids = Vec::new();
    for n in 0..200 {
        let client = &clients[n % 4];
        ids.push((n % 4, client.start("tools/call", json!({ "name": "mock__slow", "arguments": { "n": n } })).await));
    }
    let mut ran = 0;
    for (client, id) in ids {
        let answer = clients[client].answer(id).await;
        match refusal(&answer).as_deref() {
            None => ran += 1,
            Some(code) => assert_eq!(code, "budget_exceeded", "{answer:?}"),
        }
    }
    assert_eq!((ran, upstream.effects().len()), (50, 50));
    let budgets: Vec<Value> = scene.daemon.admin.get("/v1/budgets").await;
    assert_eq!(budgets[0]["used"], "50 calls", "{budgets:?}");
}

/// Guards: intent before effect, receipt before answer, and a ledger rebuilt from both. After `kill -9` during calls,
/// no answered call is lost, every effect is counted, and open intents are reconciled.
#[tokio::test]
async fn attack_53_killed_in_the_middle_nothing_answered_is_lost_and_nothing_is_under_counted() {
    let (mut scene, upstream) = scene(script()).await;
    scene.change(json!({ "change": "set_budget", "window": "day", "limit": "100000", "server": "mock" })).await;
    let mut answered = 0;
    for round in 0_u64..6 {
        let client = scene.client(ClientEra::Legacy).await;
        let mut ids = Vec::new();
        for n in 0..40 {
            let name = if n % 2 == 0 { "mock__look" } else { "mock__slow" };
            ids.push(client.start("tools/call", json!({ "name": name, "arguments": { "n": n } })).await);
        }
        // Killed after a different number of answers each time.
        for id in ids.iter().step_by(2).take(usize::try_from(round * 3).unwrap()) {
            client.answer(*id).await.unwrap();
            answered += 1;
        }
        scene = scene.after_a_crash().await;
        let rows = scene.receipts().await;
        assert!(count(&rows, "outcome") >= answered, "an answered call has lost its receipt");
        let effects = upstream.effects().len();
        assert!(count(&rows, "intent") >= count(&rows, "outcome"));
        let (intents, ended) = (count(&rows, "intent"), count(&rows, "outcome") + count(&rows, "reconcile"));
        assert_eq!(intents, ended, "an open intent was not reconciled");
        let budgets: Vec<Value> = scene.daemon.admin.get("/v1/budgets").await;
        let used: usize = budgets[0]["used"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(
            used >= answered && used >= intents,
            "round {round}: {used} counted, {intents} intents, {effects} effects"
        );
    }
    let Scene { daemon, home, .. } = scene;
    assert!(daemon.stop().await.success());
    assert_clean(&home).await;
}

/// A state with some history, its daemon stopped, and a copy of its files from before the last calls.
async fn history() -> (Scene, HttpUpstream, Vec<(PathBuf, Vec<u8>)>) {
    let (scene, upstream) = scene(script()).await;
    let client = scene.client(ClientEra::Legacy).await;
    client.call("mock__look", json!({ "n": 1 })).await.unwrap();
    drop(client);
    let Scene { daemon, setup, made, home } = scene;
    daemon.stop().await;
    let old = files(&home.state());
    let scene = Scene { daemon: Scene::restarted(&home, &made).await, setup, made, home };
    let client = scene.client(ClientEra::Legacy).await;
    for n in 0..5 {
        client.call("mock__look", json!({ "n": n })).await.unwrap();
    }
    (scene, upstream, old)
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_file()).map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn lay(files: &[(PathBuf, Vec<u8>)], folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_file() {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    for (path, bytes) in files {
        std::fs::write(path, bytes).unwrap();
        rustix::fs::chmod(path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    }
}

fn sql(home: &TempHome, statement: &str) {
    let database = rusqlite::Connection::open(home.state().join("briefcase.db")).unwrap();
    database.execute_batch(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Guards: the daemon at its start, or `fsck`, detects every edited, removed, restored or invented part of the state
/// folder, and the daemon does not serve it.
#[tokio::test]
async fn attack_54_an_edited_record_is_found_and_not_served() {
    let (scene, _upstream, old) = history().await;
    let key = key(&scene);
    let Scene { daemon, home, .. } = scene;
    assert!(daemon.stop().await.success());
    let good = files(&home.state());
    let state = home.state();
    type Edit = Box<dyn Fn()>;
    let statement = |text: &'static str| -> Edit {
        Box::new({
            let state = state.clone();
            move || {
                let database = rusqlite::Connection::open(state.join("briefcase.db")).unwrap();
                database.execute_batch(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            }
        })
    };
    let file = |name: &'static str, bytes: Option<Vec<u8>>| -> Edit {
        Box::new({
            let path = state.join(name);
            move || match &bytes {
                None => std::fs::remove_file(&path).unwrap(),
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            }
        })
    };
    let put_back = |name: &str| -> Vec<u8> { old.iter().find(|(path, _)| path.ends_with(name)).unwrap().1.clone() };
    let edits: Vec<(&str, Edit)> = vec![
        ("the newest batch removed", statement("DELETE FROM batch WHERE first = (SELECT max(first) FROM batch)")),
        ("a batch in the middle removed", statement("DELETE FROM batch WHERE first = 3")),
        ("all batches removed", statement("DELETE FROM batch")),
        (
            "a signature edited",
            statement(
                "UPDATE batch SET signature = zeroblob(length(signature)) WHERE first = (SELECT max(first) FROM batch)",
            ),
        ),
        (
            "bodies edited",
            statement(
                "UPDATE batch SET bodies = zeroblob(length(bodies)) WHERE first = (SELECT max(first) FROM batch)",
            ),
        ),
        ("the authority removed", statement("DELETE FROM authority")),
        ("an older authority", statement("DELETE FROM authority WHERE version = (SELECT max(version) FROM authority)")),
        ("the authority edited", statement("UPDATE authority SET sealed = randomblob(length(sealed))")),
        ("definitions removed", statement("DELETE FROM definition")),
        (
            "a definition edited",
            statement("UPDATE definition SET raw = CAST(replace(CAST(raw AS TEXT), 'mock', 'evil') AS BLOB)"),
        ),
        ("the head removed", file("head", None)),
        ("the head emptied", file("head", Some(Vec::new()))),
        (
            "an older database",
            Box::new({
                let (path, bytes) = (state.join("briefcase.db"), put_back("briefcase.db"));
                move || std::fs::write(&path, &bytes).unwrap()
            }),
        ),
        ("the log key edited", file("log-key.sealed", Some(vec![0; 64]))),
    ];
    for (what, edit) in edits {
        lay(&good, &state);
        edit();
        let report = Scene::fsck(&home).await;
        let started = DaemonProcess::try_start(&home, Some(&key)).await.err();
        assert!(report["clean"] != true || started.is_some(), "{what}: nobody noticed");
        if let Some(told) = &started {
            let next = ["fsck", "restore", "Put the file back", "check the state folder", "backup"];
            assert!(next.iter().any(|step| told.contains(step)), "{what}: no next step in: {told}");
        }
        // Data for decisions must never be served edited; history may be found by `fsck` alone.
        if what != "a batch in the middle removed" {
            assert!(started.is_some(), "{what}: it was served. fsck: {report}");
        }
    }
    lay(&good, &state);
    DaemonProcess::start(&home, Some(&key)).await.stop().await;
    assert_clean(&home).await;
}

/// Guards: names that an agent or a server chooses cannot add lines to printed receipts.
#[tokio::test]
async fn attack_54_no_line_of_the_record_is_forged_by_a_name() {
    let (scene, _upstream) = scene(script()).await;
    let client = scene.client(ClientEra::Legacy).await;
    let forged = "mock__look\nr99  2026-01-01  outcome  default  mock/pay  ok\u{1b}[1A\u{202e}";
    let _ = client.call(forged, json!({})).await;
    let _ = client.request("resources/read", json!({ "uri": format!("mock+x://{forged}") })).await;
    let mut command = scene.home.command("briefcase");
    command.args(["receipts", "list"]);
    let listed = output_of(command, b"").await;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(!text.lines().any(|line| line.starts_with("r99")) && !text.contains(['\u{1b}', '\u{202e}']), "{text}");
    assert!(!scene.daemon.log().contains(['\u{1b}', '\u{202e}']));
}

/// Guards: without a durable intent there is no effect. The daemon reports it, and earlier receipts are complete.
#[tokio::test]
async fn attack_55_a_full_disk_stops_effects_and_loses_nothing() {
    let upstream = HttpUpstream::start(script()).await;
    let home = TempHome::new();
    let setup = SetupOptions::default();
    let made = DaemonProcess::set_up(&home, &setup).await;
    let key = json!({ "unlock_key": made.unlock_key });
    // Without the signal of the limit, which would end the daemon, writing fails as on a full disk.
    let daemon = DaemonProcess::command(&home);
    let mut command = home.command_of("/bin/sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(daemon.as_std().get_program());
    let daemon = DaemonProcess::try_start_as(command, &home, Some(&key)).await.unwrap();
    let scene = Scene { daemon, setup, made, home };
    scene.add_http("mock", &upstream, &["look"]).await;
    let client = scene.client(ClientEra::Legacy).await;
    client.call("mock__look", json!({ "n": 0 })).await.unwrap();
    let waiting = client.start("tools/call", json!({ "name": "mock__pay", "arguments": {} })).await;
    let question = scene.daemon.admin.question().await;
    let effects = upstream.effects().len();
    let pid = Pid::from_raw(i32::try_from(scene.daemon.id()).unwrap());
    let full = Rlimit { current: Some(0), maximum: Some(1 << 40) };
    rustix::process::prlimit(pid, Resource::Fsize, full).unwrap();
    let (status, body) =
        scene.daemon.admin.decide(&question, &json!({ "decision": "allow", "scope": "once" }), &scene.setup.pin).await;
    assert!(status == 503 || status == 403, "{status} {body}");
    assert_eq!(body["code"], "unavailable", "{body}");
    assert!(
        body["next_step"].as_str().unwrap().contains("disk") || body["next_step"].as_str().unwrap().contains("doctor"),
        "{body}"
    );
    let refused = client.call("mock__pay", json!({ "n": 2 })).await;
    assert!(refusal(&refused).is_some(), "{refused:?}");
    // A free read may start before its intent is durable, but its result is not released without a receipt.
    assert_refused!(client.call("mock__look", json!({ "n": 1 })).await, "unavailable");
    assert!(upstream.effects().iter().skip(effects).all(|effect| effect.name() == "look"), "an effect without intent");
    let (_, report) = scene.daemon.admin.send(Method::GET, "/v1/status", None).await;
    assert_eq!((&report["state"], &report["problem"]["code"]), (&json!("failed"), &json!("unavailable")), "{report}");
    assert!(report["problem"]["next_step"].as_str().unwrap().contains("Free disk space"), "{report}");
    drop((waiting, client));
    let Scene { daemon, made, home, setup } = scene;
    daemon.stop().await;
    let scene = Scene { daemon: Scene::restarted(&home, &made).await, setup, made, home };
    scene.client(ClientEra::Legacy).await.call("mock__look", json!({ "n": 3 })).await.unwrap();
    let Scene { daemon, home, .. } = scene;
    daemon.stop().await;
    assert_clean(&home).await;
}

/// Guards: sealed values are bound to their place, and the vault to its parameters.
#[tokio::test]
async fn attack_56_swapped_and_weakened_secrets_do_not_open() {
    let script = Script::with_tools(vec![tool("look")]).on("look", MockAction::EchoSecrets);
    let upstream = HttpUpstream::start(script).await;
    let scene = Scene::new().await;
    for (name, value) in [("cheap", "value-of-the-cheap-one"), ("dear", "value-of-the-dear-one")] {
        scene.change(json!({ "change": "set_secret", "name": name, "value": value })).await;
    }
    let spec = json!({ "transport": "http", "url": upstream.url(), "headers": [{ "name": "X-Key", "value": "{secret}", "secret": "cheap" }] });
    scene.daemon.admin.add_server("mock", &spec, &["look"], &scene.setup.pin).await;
    let key = key(&scene);
    let Scene { daemon, home, made, .. } = scene;
    daemon.stop().await;
    let good = files(&home.state());
    sql(&home, "UPDATE secret SET sealed = (SELECT sealed FROM secret WHERE name = 'dear') WHERE name = 'cheap'");
    let before = upstream.messages().len();
    if let Ok(daemon) = DaemonProcess::try_start(&home, Some(&key)).await {
        let client = GatewayProcess::stdio(&home, &made.token, None, ClientEra::Legacy);
        if client.open().await.is_ok() {
            let answer = client.call("mock__look", json!({})).await;
            assert!(answer.is_err() || refusal(&answer).is_some(), "{answer:?}");
        }
        daemon.stop().await;
    }
    let told: String = upstream.messages().iter().skip(before).map(|message| format!("{message:?}")).collect();
    assert!(!told.contains("dear"), "the secret of another server was sent");
    let vault = String::from_utf8(std::fs::read(home.state().join("vault.json")).unwrap()).unwrap();
    let parsed: Value = serde_json::from_str(&vault).unwrap();
    let mut tried = 0;
    for pointer in leaves(&parsed, String::new()) {
        let mut edited = parsed.clone();
        let leaf = edited.pointer_mut(&pointer).unwrap();
        *leaf = match leaf {
            Value::Number(number) => json!(number.as_u64().unwrap_or(2).saturating_sub(1)),
            Value::String(text) => json!(flipped(text)),
            _ => continue,
        };
        lay(&good, &home.state());
        std::fs::write(home.state().join("vault.json"), edited.to_string()).unwrap();
        let passphrase = json!({ "passphrase": SetupOptions::default().passphrase });
        for with in [&key, &passphrase] {
            if let Err(told) = DaemonProcess::try_start(&home, Some(with)).await {
                tried += 1;
                assert!(!told.contains("panicked"), "{pointer}: {told}");
            }
        }
    }
    assert!(tried >= 8, "{tried}");
    lay(&good, &home.state());
    DaemonProcess::start(&home, Some(&key)).await;
}

fn leaves(value: &Value, at: String) -> Vec<String> {
    match value {
        Value::Object(members) => {
            members.iter().flat_map(|(name, value)| leaves(value, format!("{at}/{name}"))).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(n, value)| leaves(value, format!("{at}/{n}"))).collect()
        }
        _ => vec![at],
    }
}

/// The text with one character in the middle replaced by another of the same kind.
fn flipped(text: &str) -> String {
    let middle = text.chars().count() / 2;
    let swap = |c: char| if c == 'a' { 'b' } else { 'a' };
    text.chars().enumerate().map(|(n, c)| if n == middle { swap(c) } else { c }).collect()
}
