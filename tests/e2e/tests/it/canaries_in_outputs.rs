//! Promise P1 on the person's side: the output of every CLI command, the exported receipts, a backup, the data of the
//! console's own session, and the visible parts of the processes. Two secrets are in use at that time.

use std::path::Path;

use briefcase_testkit::{ClientEra, assert_absent, output_of, raw_http};
use serde_json::{Value, json};

use crate::canaries::{Planted, planted};

/// Every command that prints output and needs no terminal.
const COMMANDS: [&[&str]; 33] = [
    &["status"],
    &["doctor"],
    &["agent", "list"],
    &["server", "list"],
    &["server", "test", "remote"],
    &["server", "test", "local"],
    &["tools"],
    &["tools", "remote"],
    &["policy", "show"],
    &["policy", "test"],
    &["policy", "why", "r10"],
    &["why", "r11"],
    &["approvals"],
    &["approvals", "list"],
    &["approve", "AAAAAAAAAAAAAAAAAAAAAA"],
    &["deny", "AAAAAAAAAAAAAAAAAAAAAA"],
    &["budget", "list"],
    &["grants", "list"],
    &["receipts", "list"],
    &["receipts", "show", "r10"],
    &["receipts", "show", "r11"],
    &["receipts", "show", "r12"],
    &["receipts", "verify"],
    &["receipts", "proof", "r10"],
    &["secret", "list"],
    &["secret", "rm", "header-key"],
    &["secret", "set", "env-key"],
    &["factor", "list"],
    &["console", "--help"],
    &["completions", "bash"],
    &["server", "remove", "remote"],
    &["fsck"],
    &["nothing"],
];

async fn cli(planted: &Planted, args: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut printed = Vec::new();
    for more in [&[][..], &["--json"]] {
        let mut command = planted.scene.home.command("briefcase");
        command.args(args).args(more).env("BRIEFCASE_LOG", "trace");
        let output = output_of(command, b"").await;
        let name = format!("briefcase {} {}", args.join(" "), more.join(" "));
        printed.push((name, [output.stdout, output.stderr].concat()));
    }
    printed
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push((entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()));
        }
    }
    found
}

/// The data that the console's page gets in its own session.
async fn console(planted: &Planted) -> Vec<(String, Vec<u8>)> {
    let scene = &planted.scene;
    let login: Value = scene.daemon.admin.post("/v1/console/login", &json!({})).await;
    let code = login["url"].as_str().unwrap().split_once("#code=").unwrap().1;
    let host = scene.daemon.console().trim_start_matches("http://").to_owned();
    let ours = format!("Host: {host}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n");
    let body = json!({ "code": code }).to_string();
    let request = format!(
        "POST /v1/console/session HTTP/1.1\r\n{ours}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let given: Value = serde_json::from_slice(&raw_http(&host, request.as_bytes()).await.body).unwrap();
    let token = given["token"].as_str().unwrap();
    let mut told = Vec::new();
    for path in [
        "status",
        "doctor",
        "approvals",
        "agents",
        "servers",
        "tools",
        "grants",
        "budgets",
        "secrets",
        "factors",
        "policy",
        "receipts?limit=1000",
        "receipts/r10",
        "why/r10",
        "receipts/r11",
        "why/r11",
        "log/checkpoint",
        "log/key",
        "log/tile/0/000",
        "log/tile/entries/000",
        "secrets/header-key",
        "servers/remote",
    ] {
        let request = format!("GET /v1/{path} HTTP/1.1\r\n{ours}Authorization: Bearer {token}\r\n\r\n");
        let answer = raw_http(&host, request.as_bytes()).await;
        told.push((format!("console /v1/{path} ({})", answer.status), answer.body));
    }
    let fine = told.iter().filter(|(name, _)| name.contains("(200)")).count();
    assert!(fine > 10, "the session opens too little: {:?}", told.iter().map(|(name, _)| name).collect::<Vec<_>>());
    told
}

/// The command line and environment of a process, as root or the same user reads them.
fn of_process(name: &str, id: u32) -> Vec<(String, Vec<u8>)> {
    let read = |file: &str| std::fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
    ["cmdline", "environ", "comm", "status"].map(|file| (format!("{name} {file}"), read(file))).into()
}

/// Guards P1: neither of two secrets in use appears in anything that a person prints, exports, backs up or opens.
#[tokio::test]
async fn p1_nothing_a_person_prints_exports_or_backs_up_contains_a_secret() {
    let planted = planted().await;
    let mut client = planted.scene.client(ClientEra::Legacy).await;
    for _ in 0..3 {
        client.call("remote__say", json!({})).await.unwrap();
        client.call("local__say", json!({})).await.unwrap();
    }
    let mut surfaces = Vec::new();
    for args in COMMANDS {
        surfaces.extend(cli(&planted, args).await);
    }
    let says = |name: &str| surfaces.iter().any(|(from, bytes)| from.starts_with(name) && bytes.len() > 40);
    for name in [
        "briefcase status",
        "briefcase doctor",
        "briefcase server list",
        "briefcase receipts list",
        "briefcase secret list",
    ] {
        assert!(says(name), "{name} said nothing");
    }
    let export = planted.scene.home.file("export");
    surfaces.extend(cli(&planted, &["receipts", "export", export.to_str().unwrap()]).await);
    let manuals = planted.scene.home.file("manuals");
    surfaces.extend(cli(&planted, &["man", manuals.to_str().unwrap()]).await);
    let exported = files(&export);
    assert!(exported.len() >= 3, "nothing was exported: {exported:?}");
    surfaces.extend(exported);
    surfaces.extend(files(&manuals));
    surfaces.extend(console(&planted).await);

    let evidence = json!({ "pin": planted.scene.setup.pin });
    let body = json!({ "passphrase": "a passphrase for the archive", "evidence": evidence }).to_string().into_bytes();
    let kind = [("content-type", "application/json")];
    let (status, archive) =
        planted.scene.daemon.admin.raw(http::Method::POST, "/v1/backup", &kind, body).await.unwrap();
    assert_eq!(status, 200);
    surfaces.push(("the backup".into(), archive.to_vec()));

    surfaces.extend(of_process("the daemon", planted.scene.daemon.id()));
    surfaces.extend(of_process("the gateway", client.process().id()));
    surfaces.push(("the gateway's errors".into(), client.process().errors().into_bytes()));
    surfaces.push(("the daemon's log".into(), planted.scene.daemon.log().into_bytes()));
    surfaces.push(("the agent's side".into(), client.received()));
    for (name, bytes) in &surfaces {
        assert_absent(&planted.header, name, bytes);
        assert_absent(&planted.env, name, bytes);
        let text = String::from_utf8_lossy(bytes);
        for (what, secret) in [
            ("the passphrase", &planted.scene.setup.passphrase),
            ("the unlock key", &planted.scene.made.unlock_key),
            ("the agent's token", &planted.scene.made.token),
        ] {
            assert!(!text.contains(secret.as_str()), "{name} holds {what}");
        }
    }
}
