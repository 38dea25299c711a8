//! A secret crosses the admin socket once, with the proof of presence, and is sealed only for a valid proof.

use briefcase_testkit::{AdminSocket, without_secrets};
use e2e::Scene;
use http::Method;
use serde_json::{Value, json};

fn set_secret(value: &str) -> Value {
    json!({ "change": "set_secret", "name": "github", "value": value })
}

async fn preview(admin: &AdminSocket, change: &Value) -> (u16, Value) {
    admin.send(Method::POST, "/v1/changes/preview", Some(change)).await
}

async fn apply(admin: &AdminSocket, change: &Value, digest: &Value, pin: &str) -> (u16, Value) {
    let body = json!({ "change": change, "digest": digest, "evidence": { "pin": pin } });
    admin.send(Method::POST, "/v1/changes", Some(&body)).await
}

/// The number of sealed secrets in the database.
fn stored(scene: &Scene) -> i64 {
    let database = rusqlite::Connection::open(scene.home.state().join("briefcase.db")).unwrap();
    database.query_row("SELECT count(*) FROM secret WHERE sealed IS NOT NULL", [], |row| row.get(0)).unwrap()
}

/// Guards E1: a preview takes the digest of a secret and no text.
#[tokio::test]
async fn a_preview_takes_no_secret() {
    let scene = Scene::new().await;
    let admin = &scene.daemon.admin;
    for (text, change) in [
        ("ghp_value", set_secret("ghp_value")),
        ("918273", json!({ "change": "set_pin", "pin": "918273" })),
        ("a new one of many words", json!({ "change": "set_passphrase", "passphrase": "a new one of many words" })),
    ] {
        let (status, told) = preview(admin, &change).await;
        assert_eq!((status, &told["code"]), (422, &json!("invalid")), "{told}");
        assert!(!told.to_string().contains(text), "{told}");
        let (status, told) = preview(admin, &without_secrets(&change)).await;
        assert_eq!(status, 200, "{change}: {told}");
    }
}

/// Guards E1: only the previewed value is stored, and only with a valid PIN.
#[tokio::test]
async fn a_secret_is_stored_only_as_previewed_and_with_a_valid_pin() {
    let scene = Scene::new().await;
    let (admin, pin) = (&scene.daemon.admin, &scene.setup.pin);
    let change = set_secret("ghp_value");
    let (_, previewed) = preview(admin, &without_secrets(&change)).await;
    assert_eq!(previewed["lines"], json!(["secret_set github 1"]));
    let version = admin.get::<Value>("/v1/status").await["authority_version"].clone();

    let (status, told) = apply(admin, &change, &previewed["digest"], "000000").await;
    assert_eq!((status, &told["code"]), (403, &json!("wrong_pin")), "{told}");
    let (status, told) = apply(admin, &set_secret("another"), &previewed["digest"], pin).await;
    assert_eq!((status, &told["code"]), (409, &json!("conflict")), "{told}");
    let unfit = set_secret("two\nlines");
    let (_, of_unfit) = preview(admin, &without_secrets(&unfit)).await;
    let (status, told) = apply(admin, &unfit, &of_unfit["digest"], pin).await;
    assert_eq!((status, &told["code"]), (400, &json!("invalid")), "{told}");
    assert_eq!(admin.get::<Value>("/v1/secrets").await, json!([]));
    assert_eq!(admin.get::<Value>("/v1/status").await["authority_version"], version);
    assert_eq!(stored(&scene), 0);

    let (status, told) = apply(admin, &change, &previewed["digest"], pin).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(admin.get::<Value>("/v1/secrets").await[0]["version"], 1);
    assert_eq!(stored(&scene), 1);
    let (status, told) = apply(admin, &change, &previewed["digest"], pin).await;
    assert_eq!((status, &told["code"]), (409, &json!("conflict")), "a proof is for one revision: {told}");
}
