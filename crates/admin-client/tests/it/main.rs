//! The client against a daemon that answers exactly what a test wants, over a real socket.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "in a test what cannot go on fails the test, with its place"
)]

mod stub;

use std::os::unix::fs::PermissionsExt as _;

use briefcase_admin_client::{AdminClient, AdminEvent, UnlockBody, pin_evidence};
use briefcase_api::{Change, Problem};
use briefcase_testkit::TempHome;
use briefcase_types::SecretString;
use serde_json::{Value, json};
use stub::Stub;

const DIGEST: &str = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

fn client(home: &TempHome) -> AdminClient {
    AdminClient::new(home.runtime().join("admin.sock"))
}

fn secret(text: &str) -> SecretString {
    SecretString::new(text.to_owned())
}

fn preview() -> Value {
    json!({ "digest": DIGEST, "lines": ["agent_removed-codex"], "from_version": 4 })
}

#[tokio::test]
async fn an_absent_daemon_is_reported_as_not_running() {
    let home = TempHome::new();
    let error = client(&home).status().await.unwrap_err();
    assert!(error.is_not_running(), "{error}");
    assert!(!client(&home).stop_daemon().await.unwrap());
}

#[tokio::test]
async fn nothing_is_sent_through_a_folder_that_others_can_enter() {
    let home = TempHome::new();
    let stub = Stub::serve(&home, |_, _| (200, json!({}).to_string()));
    std::fs::set_permissions(home.runtime(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = client(&home).unlock(&UnlockBody::of(&secret("correct horse"))).await.unwrap_err();
    assert_eq!(error.code(), "unsafe_socket");
    assert!(Problem::from(error).next_step.contains("Nothing was sent"));
    assert!(stub.requests().is_empty());
}

#[tokio::test]
async fn a_change_is_applied_with_the_digest_of_its_preview_and_again_after_a_wrong_pin() {
    let home = TempHome::new();
    let stub = Stub::serve(&home, |request, body| match request {
        "POST /v1/changes/preview" => (200, preview().to_string()),
        _ if body["evidence"]["pin"] == "271828" => (200, json!({ "version": 5, "receipt": "r9" }).to_string()),
        _ => (403, json!({ "code": "wrong_pin", "message": "Wrong.", "next_step": "Again." }).to_string()),
    });
    let client = client(&home);
    let change = Change::RemoveAgent { name: "codex".parse().unwrap() };
    let mut previewed = client.preview(change).await.unwrap();
    assert_eq!(previewed.preview().lines, ["agent_removed-codex"]);
    let error = client.apply(&mut previewed, pin_evidence(&secret("314159"))).await.err().unwrap();
    assert_eq!(error.code(), "wrong_pin");
    let applied = client.apply(&mut previewed, pin_evidence(&secret("271828"))).await.unwrap();
    assert_eq!((applied.version, applied.receipt.to_string()), (5, "r9".to_owned()));
    let body = stub.body("POST /v1/changes");
    assert_eq!((&body["digest"], &body["change"]["change"]), (&json!(DIGEST), &json!("remove_agent")));
}

#[tokio::test]
async fn a_debug_text_holds_no_secret() {
    let home = TempHome::new();
    let _stub = Stub::serve(&home, |_, _| (200, preview().to_string()));
    let change = Change::SetSecret { name: "github".parse().unwrap(), value: "ghp_canary".to_owned() };
    let previewed = client(&home).preview(change).await.unwrap();
    assert!(!format!("{previewed:?}").contains("canary"));
}

#[tokio::test]
async fn a_secret_is_sent_with_the_application_of_a_change_and_not_with_its_preview() {
    let secrets = [
        Change::SetSecret { name: "github".parse().unwrap(), value: "canary words".to_owned() },
        Change::SetPin { pin: "canary words".to_owned() },
        Change::SetPassphrase { passphrase: "canary words".to_owned() },
    ];
    for change in secrets {
        let home = TempHome::new();
        let stub = Stub::serve(&home, |request, _| match request {
            "POST /v1/changes/preview" => (200, preview().to_string()),
            _ => (200, json!({ "version": 5, "receipt": "r9" }).to_string()),
        });
        let client = client(&home);
        let mut previewed = client.preview(change).await.unwrap();
        client.apply(&mut previewed, pin_evidence(&secret("271828"))).await.unwrap();
        assert!(!stub.body("POST /v1/changes/preview").to_string().contains("canary"));
        assert!(stub.body("POST /v1/changes")["change"].to_string().contains("canary words"));
    }
}

#[tokio::test]
async fn a_missing_resource_is_no_error_where_it_may_be_missing() {
    let home = TempHome::new();
    let _stub = Stub::serve(&home, |_, _| (404, String::new()));
    assert!(client(&home).passkey_offer().await.unwrap().is_none());
    assert!(client(&home).log_file("tile/0/000").await.unwrap().is_none());
    assert_eq!(client(&home).status().await.unwrap_err().code(), "not_found");
}

#[tokio::test]
async fn responses_of_another_form_are_errors() {
    for (status, body) in [(200, "\"text\""), (200, "[]"), (200, "{\"version\":1}"), (200, "{"), (500, "no JSON")] {
        let home = TempHome::new();
        let _stub = Stub::serve(&home, move |_, _| (status, body.to_owned()));
        let problem = Problem::from(client(&home).status().await.unwrap_err());
        assert_eq!(problem.code, "unavailable", "{body}");
        assert!(problem.next_step.contains("same version"), "{problem}");
    }
}

#[tokio::test]
async fn events_are_read_until_the_stream_ends() {
    let home = TempHome::new();
    let lines = "event: approvals\ndata:\n\n: still here\n\nevent: receipts\ndata:\n\nevent: newer\ndata:\n\n\
                 event: authority\ndata:\n\n";
    let _stub = Stub::serve(&home, move |_, _| (200, lines.to_owned()));
    let mut events = client(&home).events().await.unwrap();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await.unwrap() {
        seen.push(event);
    }
    assert_eq!(seen, [AdminEvent::Approvals, AdminEvent::Receipts, AdminEvent::Authority]);
}

#[tokio::test]
async fn a_line_without_an_end_is_an_error() {
    let home = TempHome::new();
    let _stub = Stub::serve(&home, |_, _| (200, "x".repeat(100_000)));
    let mut events = client(&home).events().await.unwrap();
    assert_eq!(events.next().await.unwrap_err().code(), "unavailable");
}

#[tokio::test]
async fn a_backup_arrives_in_chunks() {
    let home = TempHome::new();
    let stub = Stub::serve(&home, |_, _| (200, "a".repeat(300_000)));
    let mut backup = client(&home).backup(&secret("archive words"), pin_evidence(&secret("271828"))).await.unwrap();
    let mut total = 0;
    while let Some(chunk) = backup.chunk().await.unwrap() {
        total += chunk.len();
    }
    assert_eq!(total, 300_000);
    assert_eq!(stub.body("POST /v1/backup")["passphrase"], "archive words");
}
