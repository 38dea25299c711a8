//! Attack 72: `fsck` fails on every edit that the start refuses. `apps/briefcased` tries each row and each file.

use std::{os::unix::fs::symlink, path::Path};

use briefcase_testkit::{ClientEra, DaemonProcess, HttpUpstream, Script, mock::tool, output_of};
use e2e::Scene;
use serde_json::{Value, json};

type Edit = fn(&Path);

fn sql(state: &Path, statement: &str) {
    let database = rusqlite::Connection::open(state.join("briefcase.db")).unwrap();
    database.execute_batch(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir(to).unwrap();
    rustix::fs::chmod(to, rustix::fs::Mode::RWXU).unwrap();
    for file in std::fs::read_dir(from).unwrap().flatten() {
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Guards: a clean report means that the start accepts the state. No key is needed for it.
#[tokio::test]
async fn attack_72_what_the_start_refuses_is_not_clean() {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("look")])).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look"]).await;
    scene.change(json!({ "change": "set_secret", "name": "key", "value": "a secret value" })).await;
    scene.client(ClientEra::Legacy).await.call("mock__look", json!({})).await.unwrap();
    let key = json!({ "unlock_key": scene.made.unlock_key });
    let Scene { daemon, home, .. } = scene;
    assert!(daemon.stop().await.success());
    let good = home.file("good");
    copy(&home.state(), &good);
    let report = Scene::fsck(&home).await;
    assert_eq!(report["clean"], true, "{report}");
    let edits: [(&str, Edit); 9] = [
        ("a definition row", |state| {
            sql(state, "UPDATE definition SET raw = CAST(replace(CAST(raw AS TEXT), 'look', 'evil') AS BLOB)");
        }),
        ("a secret row", |state| sql(state, "UPDATE secret SET sealed = randomblob(length(sealed))")),
        ("a secret row removed", |state| sql(state, "DELETE FROM secret")),
        ("the authority row", |state| sql(state, "UPDATE authority SET sealed = randomblob(length(sealed))")),
        ("vault.json as a link", |state| {
            std::fs::rename(state.join("vault.json"), state.with_file_name("elsewhere.json")).unwrap();
            symlink(state.with_file_name("elsewhere.json"), state.join("vault.json")).unwrap();
        }),
        ("vault.json edited", |state| flip(&state.join("vault.json"))),
        ("the log key edited", |state| flip(&state.join("log-key.sealed"))),
        ("identity.json removed", |state| std::fs::remove_file(state.join("identity.json")).unwrap()),
        ("the file overlap as a link", |state| {
            std::fs::rename(state.join("overlap"), state.with_file_name("overlap")).unwrap();
            symlink(state.with_file_name("overlap"), state.join("overlap")).unwrap();
        }),
    ];
    for (what, edit) in edits {
        copy(&good, &home.state());
        edit(&home.state());
        let report = Scene::fsck(&home).await;
        assert_eq!(report["clean"], false, "{what}: {report}");
        assert!(report["findings"].as_array().is_some_and(|found| !found.is_empty()), "{what}: no finding: {report}");
        assert!(DaemonProcess::try_start(&home, Some(&key)).await.is_err(), "{what}: the start accepts it");
    }
    copy(&good, &home.state());
    let mut command = DaemonProcess::command(&home);
    command.args(["fsck", "--json", "--unlock-stdin"]);
    let output = output_of(command, format!("{key}\n").as_bytes()).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["clean"], &report["unchecked"]), (&json!(true), &json!([])), "{report}");
    DaemonProcess::start(&home, Some(&key)).await.stop().await;
}
