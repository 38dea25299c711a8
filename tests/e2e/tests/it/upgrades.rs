//! The present daemon opens every state of an earlier version completely. A state of a newer version is refused with
//! the way back.

use std::fs;

use briefcase_testkit::ClientEra;
use e2e::{
    Scene, assert_refused,
    past_state::{self, PastState},
};
use serde_json::{Value, json};

/// Raises the version of one file of a state.
type MakeNewer = fn(&PastState);

#[test]
fn the_present_version_left_a_state() {
    let present = env!("CARGO_PKG_VERSION").to_owned();
    let versions = past_state::versions();
    assert!(versions.contains(&present), "write one: see vectors/state/README.md ({versions:?})");
}

#[tokio::test]
async fn every_earlier_state_opens_and_works() {
    for version in past_state::versions() {
        let (scene, upstream, expected) = PastState::of(&version).open().await;
        let admin = &scene.daemon.admin;
        let status: Value = admin.get("/v1/status").await;
        assert_eq!(status["state"], "ready", "{version}");
        assert_eq!(status["authority_version"], expected["authority_version"], "{version}");
        assert!(status["receipts"].as_u64() > expected["receipts"].as_u64(), "{version}: the start is recorded too");
        assert_eq!(admin.get::<Value>("/v1/budgets").await, expected["budgets"], "{version}: what was spent is known");
        let policy: Value = admin.get("/v1/policy").await;
        assert!(policy["text"].as_str().is_some_and(|text| text.contains(past_state::POLICY)), "{version}");

        // The pin is still valid, the secret still opens, the policy still refuses, the PIN still decides.
        let client = scene.client(ClientEra::Legacy).await;
        client.call("mock__look", json!({ "value": 6 })).await.unwrap_or_else(|error| panic!("{version}: {error:?}"));
        assert_refused!(client.call("mock__forbidden", json!({ "value": 7 })).await, "denied");
        let waiting = client.start("tools/call", json!({ "name": "mock__change", "arguments": { "value": 8 } })).await;
        scene.allow_next().await;
        client.answer(waiting).await.unwrap_or_else(|error| panic!("{version}: {error:?}"));
        assert_eq!(upstream.effects().len(), 2, "{version}");

        let Scene { daemon, home, .. } = scene;
        assert!(daemon.stop().await.success(), "{version}");
        assert_eq!(Scene::fsck(&home).await["clean"], true, "{version}");
    }
}

#[tokio::test]
async fn a_state_of_a_newer_version_is_refused_with_the_way_back() {
    let newest = past_state::versions().pop().unwrap();
    let newer: [(&str, MakeNewer); 3] = [
        ("briefcase.db", |past| {
            let database = rusqlite::Connection::open(past.home.state().join("briefcase.db")).unwrap();
            database.pragma_update(None, "user_version", 1_000).unwrap();
        }),
        ("identity.json", |past| raise(past, "identity.json", "v")),
        ("vault.json", |past| raise(past, "vault.json", "version")),
    ];
    for (file, make_newer) in newer {
        let past = PastState::of(&newest);
        make_newer(&past);
        let told =
            past_state::start(&past.home, &past.made).await.err().unwrap_or_else(|| panic!("{file} was accepted"));
        for words in ["1000", "a newer Briefcase", "install that version again, or restore a backup"] {
            assert!(told.contains(words), "{file}: {told}");
        }
    }
}

fn raise(past: &PastState, file: &str, member: &str) {
    let path = past.home.state().join(file);
    let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    value[member] = json!(1_000);
    fs::write(path, value.to_string()).unwrap();
}
