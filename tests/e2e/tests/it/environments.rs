//! A client may pass only a few variables on to the gateway. It reaches the daemon all the same (A1).

use std::{ffi::OsString, path::Path, process::Output};

use briefcase_testkit::{ClientEra, DaemonProcess, McpClient, SetupOptions, TempHome, output_of, program};
use serde_json::{Value, json};
use tokio::process::Command;

/// A program with exactly these variables.
fn bare(name: &str, variables: &[(&str, &Path)]) -> Command {
    let mut command = Command::new(program(name));
    command.env_clear().envs(variables.iter().copied()).envs(briefcase_testkit::clock());
    command
}

async fn checked(arguments: &[&str], variables: &[(&str, &Path)]) -> (Output, Value) {
    let mut command = bare("mcp-gateway", variables);
    command.arg("--check").args(arguments);
    let output = output_of(command, b"").await;
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no report: {output:?}"));
    (output, report)
}

#[tokio::test]
async fn every_environment_of_a_client_leads_to_the_daemon() {
    let home = TempHome::new();
    let (login, session, other) = (home.path().join("home"), home.file("session"), home.file("other"));
    for folder in [&session, &other] {
        std::fs::create_dir(folder).unwrap();
    }
    let own = [("HOME", &*login), ("XDG_RUNTIME_DIR", &*session)];
    let setup = SetupOptions::default();
    let wishes = json!({ "passphrase": setup.passphrase, "pin": setup.pin, "unlock_key": true });
    let mut init = bare("briefcased", &own);
    init.arg("init");
    let made = output_of(init, wishes.to_string().as_bytes()).await;
    assert!(made.status.success(), "{made:?}");
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let key = json!({ "unlock_key": made["unlock_key"] });
    let _daemon = DaemonProcess::try_start_as(bare("briefcased", &own), &home, Some(&key)).await.unwrap();

    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin"));
    let environments: [&[(&str, &Path)]; 5] = [
        &[("HOME", &login)],
        &[("HOME", &login), ("XDG_RUNTIME_DIR", &session)],
        &[("HOME", &login), ("XDG_RUNTIME_DIR", &other)],
        &[("HOME", &login), ("XDG_RUNTIME_DIR", Path::new("/nonexistent")), ("TERM", Path::new("dumb"))],
        &[("HOME", &login), ("PATH", Path::new(&path)), ("SHELL", Path::new("/bin/sh")), ("USER", Path::new("u"))],
    ];
    for variables in environments {
        let (output, report) = checked(&[], variables).await;
        assert!(output.status.success() && report.get("problem").is_none(), "{variables:?}: {report}");
        let client = McpClient::stdio(bare("mcp-gateway", variables), ClientEra::Legacy);
        client.open().await.unwrap();
    }

    // This home is not the account's own, so a gateway without HOME needs the folders. The doctor gives them.
    let doctor = bare("briefcase", &own);
    let output = output_of(with(doctor, &["doctor", "--json"]), b"").await;
    let checks: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let found = checks.iter().find(|check| check["name"] == "gateway").unwrap_or_else(|| panic!("{checks:?}"));
    assert_eq!(found["severity"], "warn", "{found}");
    let advice = found["next_step"].as_str().unwrap();
    let arguments: Vec<_> = advice.trim_end_matches('.').split(' ').skip_while(|word| *word != "--agent").collect();
    let (output, report) = checked(&arguments, &[]).await;
    assert!(output.status.success(), "{arguments:?}: {report}");
}

/// A gateway that does not find the daemon names the place where it looked.
#[tokio::test]
async fn a_daemon_that_is_not_found_is_reported_with_the_place() {
    let home = TempHome::new();
    DaemonProcess::set_up(&home, &SetupOptions::default()).await;
    let config = home.config();
    let (output, report) = checked(&[], &[("HOME", home.path()), ("BRIEFCASE_CONFIG_DIR", &config)]).await;
    assert_eq!(output.status.code(), Some(1));
    let message = report["problem"]["message"].as_str().unwrap();
    assert!(message.contains(report["socket"].as_str().unwrap()), "{message}");
    assert!(report["problem"]["next_step"].as_str().unwrap().contains("briefcase doctor"), "{report}");
}

fn with(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}
