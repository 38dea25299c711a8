//! The demo with the real programs and a real third-party server.

use std::path::{Path, PathBuf};

use briefcase_testkit::{TempHome, program};
use serde_json::{Value, json};

use crate::{pty::Terminal, run};

/// The file server from npm.
fn server() -> String {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"))).expect("a home");
    let path = cache.join("briefcase/demo/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");
    assert!(path.is_file(), "the file server is not installed: run `cargo xtask setup`");
    path.to_str().expect("text").to_owned()
}

#[test]
fn a_server_that_does_not_start_ends_the_demo_with_a_reason_and_no_files() {
    program("briefcased");
    program("briefcase-demo");
    let home = TempHome::new();
    let ran = run(&home, &["demo", "--json", "--", "/nonexistent/server"]);
    let problem: Value = serde_json::from_str(&ran.err()).expect("JSON");
    assert_eq!(ran.code(), 10, "{problem}");
    assert_eq!(problem["code"], "upstream_error");
    assert_eq!(left(&home), Vec::<PathBuf>::new());
}

#[test]
fn the_main_job_is_done_and_leaves_nothing_behind() {
    let server = server();
    program("briefcased");
    program("mcp-gateway");
    let home = TempHome::new();
    let ran = run(&home, &["demo", "--json", "--", "node", &server]);
    assert_eq!(ran.code(), 0, "{}", ran.err());
    let result: Value = serde_json::from_str(&ran.out()).expect("JSON");
    assert_eq!(result["written"], json!(true), "{result}");
    assert_eq!(result["verified"]["calls"], json!({ "ran": 2, "refused": 1, "unknown_end": 0, "open": 0 }));
    assert_eq!(left(&home), Vec::<PathBuf>::new());
}

#[test]
fn a_person_can_deny_the_request() {
    let server = server();
    let home = TempHome::new();
    let temporary = home.file("tmp");
    std::fs::create_dir(&temporary).expect("a folder");
    let wrapper = ["env", &format!("TMPDIR={}", temporary.display())];
    let mut terminal = Terminal::start_under(&home, &wrapper, &["demo", "--", "node", &server]);
    terminal.expect("New PIN");
    terminal.send("bluff-77-gravel\r");
    terminal.expect("Confirm:");
    terminal.send("bluff-77-gravel\r");
    terminal.expect("Denied: a key");
    terminal.expect("keys-stay-private");
    terminal.expect("demo wants files/write_file");
    terminal.expect("[d]eny");
    terminal.send("d");
    terminal.expect("PIN to deny files/write_file");
    terminal.send("bluff-77-gravel\r");
    terminal.expect("denied, recorded as");
    terminal.expect("receipts verified");
    terminal.expect("NOT VERIFIED");
    terminal.expect("allowed, denied, approved, proved");
    assert_eq!(terminal.ended(), 0);
    assert_eq!(std::fs::read_dir(&temporary).expect("a folder").count(), 0, "it is removed");
}

#[test]
fn ctrl_c_in_the_middle_leaves_nothing_behind() {
    let server = server();
    let home = TempHome::new();
    let temporary = home.file("tmp");
    std::fs::create_dir(&temporary).expect("a folder");
    let wrapper = ["env", &format!("TMPDIR={}", temporary.display())];
    for keys_while in ["[d]eny", "A real MCP server"] {
        let mut terminal = Terminal::start_under(&home, &wrapper, &["demo", "--", "node", &server]);
        terminal.expect("New PIN");
        terminal.send("bluff-77-gravel\r");
        terminal.expect("Confirm:");
        terminal.send("bluff-77-gravel\r");
        terminal.expect(keys_while);
        terminal.send("\u{3}");
        assert_eq!(terminal.ended(), 130, "{}", terminal.screen());
        assert!(terminal.is_sane());
        assert_eq!(std::fs::read_dir(&temporary).expect("a folder").count(), 0, "it is removed");
    }
}

/// The files in the person's own folders afterwards.
fn left(home: &TempHome) -> Vec<PathBuf> {
    let folders = [home.state(), home.runtime(), home.config(), home.path().join("home")];
    folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .collect()
}
