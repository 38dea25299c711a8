//! Attack 61: a full or failing disk while granted reads overlap the commit of their intents.

use briefcase_testkit::{
    ClientEra, HttpUpstream, McpClient, MockAction, Script, StdioUpstream, TempHome, eventually, mock::tool,
};
use e2e::{Scene, refusal};
use http::Method;
use rustix::process::{Pid, Resource, Rlimit};
use serde_json::{Value, json};

/// From here on, no file of the daemon grows beyond `bytes`. Writing beyond fails as on a full disk, for any user.
fn limit_files(scene: &Scene, bytes: u64) {
    let pid = Pid::from_raw(i32::try_from(scene.daemon.id()).unwrap());
    let limit = Rlimit { current: Some(bytes), maximum: Some(1 << 40) };
    rustix::process::prlimit(pid, Resource::Fsize, limit).unwrap();
}

/// A briefcase whose daemon gets errors instead of a signal when it reaches the limit of file sizes.
async fn scene() -> Scene {
    let home = TempHome::new();
    let setup = briefcase_testkit::SetupOptions::default();
    let made = briefcase_testkit::DaemonProcess::set_up(&home, &setup).await;
    let key = json!({ "unlock_key": made.unlock_key });
    let daemon = briefcase_testkit::DaemonProcess::command(&home);
    let mut command = home.command_of("/bin/sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(daemon.as_std().get_program());
    let daemon = briefcase_testkit::DaemonProcess::try_start_as(command, &home, Some(&key)).await.unwrap();
    Scene { daemon, setup, made, home }
}

fn count(rows: &[Value], kind: &str, server: &str) -> usize {
    let of_server = |row: &&Value| row["receipt"]["k"] == kind && row["receipt"]["server"] == server;
    rows.iter().filter(of_server).count()
}

async fn used(scene: &Scene) -> Vec<usize> {
    let budgets: Vec<Value> = scene.daemon.admin.get("/v1/budgets").await;
    let used = |budget: &Value| budget["used"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap();
    budgets.iter().map(used).collect()
}

/// After the failure nothing at all reaches a server: no list, no new connection, no probe, no program.
async fn assert_no_contact(scene: &Scene, client: &McpClient, upstream: &HttpUpstream, local: &StdioUpstream) {
    let received = || (upstream.messages().len(), local.messages().len());
    let before = received();
    for server in ["mock", "local"] {
        let late = scene.unopened(Some(server), ClientEra::Legacy);
        let _ = late.open().await;
        for client in [client, &late] {
            for method in ["tools/list", "resources/list", "prompts/list", "resources/templates/list"] {
                let _ = client.request(method, json!({})).await;
            }
            client.notify("notifications/roots/list_changed", json!({})).await;
        }
        let _ = scene.daemon.admin.send(Method::POST, &format!("/v1/servers/{server}/test"), Some(&json!({}))).await;
    }
    assert_eq!(received(), before, "a server was contacted after the record failed");
}

/// Guards: no effect without a durable intent. With any budget: after the failure nothing is sent, `status` says why, and
/// after `kill -9` and a start neither the ledger nor the record counts less than the server saw.
#[tokio::test]
async fn attack_61_reads_on_a_full_disk_are_neither_sent_nor_lost() {
    // The limit of the budget: so few calls that no read overlaps, enough for overlapping, and no budget at all.
    for limit in [Some(10), Some(1000), None] {
        let script = Script::with_tools(vec![tool("look")]).on("look", MockAction::Echo);
        let (upstream, warm) = (HttpUpstream::start(script.clone()).await, HttpUpstream::start(script).await);
        let scene = scene().await;
        scene.add_http("mock", &upstream, &["look"]).await;
        scene.add_http("warm", &warm, &["look"]).await;
        let local = StdioUpstream::new(&scene.home, "local", &Script::with_tools(vec![tool("look")]));
        scene.add_stdio("local", &local, &["look"]).await;
        if let Some(limit) = limit {
            let budget =
                json!({ "change": "set_budget", "window": "all", "limit": limit.to_string(), "server": "mock" });
            scene.change(budget).await;
        }
        let client = scene.client(ClientEra::Legacy).await;
        for n in 0..3 {
            client.call("mock__look", json!({ "n": n })).await.unwrap();
        }
        // The log of the database passes the size of the other files, so that only it cannot grow any more.
        let log = scene.home.state().join("briefcase.db-wal");
        let size = || std::fs::metadata(&log).map_or(0, |log| log.len());
        eventually("a long log", async || {
            client.call("warm__look", json!({})).await.unwrap();
            (size() > 160 * 1024).then_some(())
        })
        .await;
        limit_files(&scene, size());
        let mut ids = Vec::new();
        for n in 0..8 {
            ids.push(client.start("tools/call", json!({ "name": "mock__look", "arguments": { "n": n } })).await);
        }
        for id in ids {
            assert_eq!(refusal(&client.answer(id).await).as_deref(), Some("unavailable"), "{limit:?}");
        }
        let effects = upstream.effects().len();
        if limit == Some(10) {
            assert_eq!(effects, 3, "a budget with few calls left allows no read without its intent");
        }
        for n in 0..8 {
            let refused = client.call("mock__look", json!({ "n": n })).await;
            assert_eq!(refusal(&refused).as_deref(), Some("unavailable"), "{limit:?}");
        }
        assert_eq!(upstream.effects().len(), effects, "{limit:?}: sent after the failure was noticed");
        assert_no_contact(&scene, &client, &upstream, &local).await;
        let (_, status) = scene.daemon.admin.send(Method::GET, "/v1/status", None).await;
        assert_eq!(status["state"], "failed", "{status}");
        assert!(status["problem"]["message"].as_str().unwrap().contains("limit that the system sets"), "{status}");
        assert!(status["problem"]["next_step"].as_str().unwrap().contains("ulimit"), "{status}");
        drop(client);
        let Scene { daemon, setup, made, home } = scene;
        daemon.kill().await;
        let report = Scene::fsck(&home).await;
        for finding in report["findings"].as_array().unwrap() {
            assert_eq!(finding["fault"], "Unrecorded", "{report}");
        }
        let scene = Scene { daemon: Scene::restarted(&home, &made).await, setup, made, home };
        let rows = scene.receipts().await;
        let intents = count(&rows, "intent", "mock");
        assert!(intents >= effects, "{limit:?}: {effects} effects, {intents} intents: {report}");
        if report["clean"] == true {
            assert_eq!(effects, 3, "{limit:?}: fsck does not say that reads were sent");
        }
        for used in used(&scene).await {
            assert!(used >= effects, "{limit:?}: {used} counted, {effects} effects");
        }
        scene.client(ClientEra::Legacy).await.call("mock__look", json!({})).await.unwrap();
        let Scene { daemon, home, .. } = scene;
        assert!(daemon.stop().await.success());
        let report = Scene::fsck(&home).await;
        assert_eq!(report["clean"], true, "{limit:?}: {report}");
    }
}
