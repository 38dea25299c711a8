//! Receipts: refusals with their reason, and the consistency of all receipts.

use briefcase_testkit::{DaemonProcess, ErrorResponse, output_of};
use e2e::Scene;
use serde_json::Value;

/// The receipts themselves, oldest first.
pub async fn receipts(scene: &Scene) -> Vec<Value> {
    let mut rows = scene.receipts().await;
    let place = |row: &Value| row["id"].as_u64().or_else(|| row["id"].as_str()?.strip_prefix('r')?.parse().ok());
    rows.sort_by_key(place);
    rows.into_iter().map(|row| row["receipt"].clone()).collect()
}

/// Fails unless the refusal in `answer` has this code and reason, a next step, and a matching receipt.
pub async fn assert_recorded(scene: &Scene, answer: &Result<Value, ErrorResponse>, code: &str, reason: &str) {
    let refusal = match answer {
        Ok(result) => result["structuredContent"].clone(),
        Err(error) => error.data.clone(),
    };
    assert_eq!((&refusal["code"], &refusal["reason"]), (&code.into(), &reason.into()), "{answer:?}");
    assert!(refusal["next_step"].as_str().is_some_and(|step| !step.is_empty()), "{refusal}");
    let id = refusal["receipt"].as_str().unwrap_or_else(|| panic!("no receipt: {refusal}"));
    let kept: Value = scene.daemon.admin.get(&format!("/v1/receipts/{id}")).await;
    let receipt = &kept["receipt"];
    match receipt["k"].as_str() {
        Some("refusal") => assert_eq!((&receipt["code"], &receipt["reason"]), (&code.into(), &reason.into())),
        Some("outcome") => assert!(receipt["status"].as_str().is_some_and(|status| status != "ok"), "{receipt}"),
        _ => panic!("{receipt}"),
    }
}

/// Stops the daemon and fails if `briefcased fsck` finds a fault.
pub async fn assert_fsck_clean(scene: Scene) {
    let Scene { daemon, home, .. } = scene;
    assert!(daemon.stop().await.success());
    let mut command = DaemonProcess::command(&home);
    command.args(["fsck", "--json"]);
    let output = output_of(command, b"").await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    assert_eq!(report["clean"], true, "{report} {}", String::from_utf8_lossy(&output.stderr));
}
