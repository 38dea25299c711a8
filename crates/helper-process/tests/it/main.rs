//! Helpers that misbehave, each a small script. Every failure is a typed error, and no process stays behind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what they expect")]

use std::{path::PathBuf, time::Duration};

use briefcase_helper_process::{Deadline, HelperError, HelperProcess, HelperProgram, Spawner};

/// A deadline that a loaded machine meets too.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

fn helper(name: &str) -> HelperProgram {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/helpers");
    HelperProgram { name: "test", version: "1.0.0", path: folder.join(name) }
}

async fn start(name: &str, within: Duration) -> Result<HelperProcess, HelperError> {
    HelperProcess::start(&Spawner::new().unwrap(), &helper(name), Deadline::within(within)).await
}

async fn failure(name: &str, within: Duration) -> HelperError {
    start(name, within).await.map(drop).unwrap_err()
}

#[tokio::test]
async fn a_missing_program_is_named_with_the_fix() {
    let error = failure("no-such-helper", LONG).await;
    assert!(matches!(&error, HelperError::Missing(path) if path.ends_with("no-such-helper")), "{error}");
    assert!(error.to_string().contains("install all Briefcase programs"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_a_program_does_not_start() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let program = HelperProgram { path, ..helper("") };
    let started = HelperProcess::start(&Spawner::new().unwrap(), &program, Deadline::within(LONG)).await;
    let error = started.map(drop).unwrap_err();
    assert!(matches!(error, HelperError::NotStarted { .. }), "{error}");
}

#[tokio::test]
async fn a_crash_before_the_handshake_is_an_error() {
    let error = failure("crashes", LONG).await;
    assert!(matches!(&error, HelperError::Crashed { name: "test", status } if status.contains('3')), "{error}");
}

#[tokio::test]
async fn a_silent_helper_ends_at_the_deadline() {
    let error = failure("silent", SHORT).await;
    assert!(matches!(error, HelperError::DeadlineExceeded { name: "test", after: SHORT }), "{error}");
}

#[tokio::test]
async fn another_version_gets_no_request() {
    let error = failure("other-version", LONG).await;
    assert!(matches!(&error, HelperError::VersionMismatch { found, .. } if found.version == "0.0.9"), "{error}");
    assert!(error.to_string().contains("install all Briefcase programs"), "{error}");
}

#[tokio::test]
async fn a_malformed_message_is_an_error() {
    assert!(matches!(failure("malformed", LONG).await, HelperError::Protocol { .. }));
    assert!(
        matches!(failure("too-long", LONG).await, HelperError::Protocol { .. }),
        "a frame of that size is not read"
    );
}

#[tokio::test]
async fn a_crash_instead_of_a_reply_is_an_error() {
    let mut helper = start("crashes-later", LONG).await.unwrap();
    let deadline = Deadline::within(LONG);
    helper.send(&"a request", &[], deadline).await.unwrap();
    let error = helper.receive::<String>(deadline).await.unwrap_err();
    assert!(matches!(&error, HelperError::Crashed { status, .. } if status.contains('4')), "{error}");
}

#[tokio::test]
async fn a_missing_reply_ends_at_its_own_deadline() {
    let mut helper = start("silent-later", LONG).await.unwrap();
    let error = helper.receive::<String>(Deadline::within(SHORT)).await.unwrap_err();
    assert!(matches!(error, HelperError::DeadlineExceeded { after: SHORT, .. }), "{error}");
}

#[tokio::test]
async fn a_dropped_helper_is_killed() {
    let (child, _spawner) = start("silent-later", LONG).await.unwrap().into_child();
    let process = std::path::PathBuf::from(format!("/proc/{}", child.id().unwrap()));
    assert!(process.exists());
    drop(child);
    let gone = async {
        while process.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, gone).await.unwrap();
}
