//! The demo with the real programs and a real third-party server, where they are installed.

use std::path::{Path, PathBuf};

use briefcase_testkit::{Home, program};
use serde_json::{Value, json};

use crate::run;

/// The file server that `cargo xtask demo` installs, or one that tests installed.
fn server() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))?;
    let path = cache.join("briefcase/demo/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");
    path.is_file().then_some(path)
}

#[test]
fn a_server_that_does_not_start_ends_the_demo_with_a_reason_and_no_trace() {
    program("briefcased");
    let home = Home::new();
    let ran = run(&home, &["demo", "--json", "--", "/nonexistent/server"]);
    let problem: Value = serde_json::from_str(&ran.err()).expect("JSON");
    assert_eq!(ran.code(), 10, "{problem}");
    assert_eq!(problem["code"], "upstream_error");
    assert_eq!(left(&home), Vec::<PathBuf>::new());
}

#[test]
fn the_main_job_is_done_and_leaves_nothing_behind() {
    let Some(server) = server() else {
        eprintln!("skipped: `cargo xtask demo` installs the server");
        return;
    };
    program("briefcased");
    program("mcp-gateway");
    let home = Home::new();
    let ran = run(&home, &["demo", "--json", "--", "node", server.to_str().expect("text")]);
    assert_eq!(ran.code(), 0, "{}", ran.err());
    let told: Value = serde_json::from_str(&ran.out()).expect("JSON");
    assert_eq!(told["written"], json!(true), "{told}");
    assert_eq!(told["verified"]["calls"], json!({ "ran": 2, "refused": 1, "unknown_end": 0, "open": 0 }));
    assert_eq!(left(&home), Vec::<PathBuf>::new());
}

/// What is in the person's own folders afterwards.
fn left(home: &Home) -> Vec<PathBuf> {
    let folders = [home.state(), home.runtime(), home.config(), home.path().join("home")];
    folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .collect()
}
