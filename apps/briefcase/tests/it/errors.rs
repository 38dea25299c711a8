//! Errors name the next step. Programs get them as JSON, with a code and an exit code.

use briefcase_testkit::TempHome;
use serde_json::{Value, json};

use crate::{run, stub::Stub};

#[test]
fn without_a_daemon_the_error_names_the_next_step() {
    let home = TempHome::new();
    let ran = run(&home, &["status"]);
    assert_eq!((ran.code(), ran.out().as_str()), (3, ""));
    insta::assert_snapshot!(ran.err());
    let ran = run(&home, &["status", "--json"]);
    let problem: Value = serde_json::from_str(&ran.err()).expect("JSON");
    assert_eq!((ran.code(), &problem["code"]), (3, &json!("not_running")));
}

#[test]
fn up_before_setup_names_setup() {
    let ran = run(&TempHome::new(), &["up"]);
    assert_eq!(ran.code(), 10);
    assert!(ran.err().contains("briefcase setup"), "{}", ran.err());
}

#[test]
fn a_usage_error_has_its_own_exit_code_in_both_forms() {
    let home = TempHome::new();
    let ran = run(&home, &["statu"]);
    assert_eq!(ran.code(), 2);
    assert!(ran.err().contains("status"), "{}", ran.err());
    let ran = run(&home, &["--json", "budget", "set", "--window", "week", "--limit", "1"]);
    let problem: Value = serde_json::from_str(&ran.err()).expect("JSON");
    assert_eq!((ran.code(), &problem["code"], ran.out().as_str()), (2, &json!("usage"), ""));
}

#[test]
fn a_folder_that_others_can_enter_is_not_trusted() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = TempHome::new();
    let _stub = Stub::serve(&home, |_, _| (200, json!({})));
    std::fs::set_permissions(home.runtime(), std::fs::Permissions::from_mode(0o755)).expect("chmod");
    let ran = run(&home, &["status"]);
    assert_eq!(ran.code(), 10);
    assert!(ran.err().contains("unsafe_socket") && ran.err().contains("chmod 700"), "{}", ran.err());
}

#[test]
fn refusals_of_the_daemon_become_exit_codes() {
    for (code, exit) in [("locked", 4), ("forbidden", 5), ("not_found", 6), ("conflict", 7), ("whatever", 10)] {
        let home = TempHome::new();
        let _stub = Stub::serve(&home, move |_, _| {
            (400, json!({ "code": code, "message": "It is so.\u{1b}[2J", "next_step": "Do that." }))
        });
        let ran = run(&home, &["agent", "list"]);
        assert_eq!(ran.code(), exit, "{code}");
        assert_eq!(ran.err(), format!("error: It is so.\\u{{1b}}[2J ({code})\n→ Do that.\n"));
    }
}

#[test]
fn no_change_is_applied_without_a_terminal() {
    let home = TempHome::new();
    let stub = Stub::serve(&home, |request, _| match request {
        "POST /v1/changes/preview" => (
            200,
            json!({ "digest": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", "lines": ["agent_removed-x"], "from_version": 1 }),
        ),
        _ => (200, json!({})),
    });
    for args in [
        &["agent", "remove", "x"][..],
        &["secret", "rm", "x"],
        &["server", "disable", "x"],
        &["budget", "remove", "--window", "day"],
    ] {
        let ran = run(&home, args);
        assert_eq!(ran.code(), 5, "{args:?}: {}", ran.err());
        assert!(ran.err().contains("never taken from a pipe"), "{}", ran.err());
    }
    assert!(stub.requests().iter().all(|request| request != "POST /v1/changes"));
}

#[test]
fn a_daemon_that_answers_nonsense_is_no_panic() {
    for answer in [json!("text"), json!([]), json!({ "version": 1 })] {
        let home = TempHome::new();
        let _stub = Stub::serve(&home, move |_, _| (200, answer.clone()));
        let ran = run(&home, &["status"]);
        assert_eq!(ran.code(), 10, "{}", ran.err());
        assert!(ran.err().contains("same version"), "{}", ran.err());
    }
}
