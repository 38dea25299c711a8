//! Streams and colours of the output, and a reader that stops reading.

use std::process::Stdio;

use briefcase_testkit::TempHome;
use serde_json::json;

use crate::{briefcase, run, stub::Stub};

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    let home = TempHome::new();
    let secrets: Vec<_> =
        (0..5000).map(|at| json!({ "name": format!("s{at}"), "version": 1, "used_by": [] })).collect();
    let _stub = Stub::serve(&home, move |_, _| (200, json!(secrets)));
    for args in [&["secret", "list"][..], &["secret", "list", "--json"], &["completions", "bash"], &["--help"]] {
        let mut child = briefcase(&home, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{args:?}");
        assert_eq!(ended.status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn json_is_one_document_and_no_colour_goes_into_a_pipe() {
    let home = TempHome::new();
    let _stub = Stub::serve(&home, |_, _| (200, json!([{ "name": "github", "version": 2, "used_by": ["mail"] }])));
    let text = run(&home, &["secret", "list"]).out();
    assert!(text.contains("github") && !text.contains('\u{1b}'), "{text:?}");
    let document: serde_json::Value =
        serde_json::from_str(&run(&home, &["--json", "secret", "list"]).out()).expect("JSON");
    assert_eq!(document[0]["name"], "github");
}

#[test]
fn colour_can_be_forced_and_is_off_with_no_color() {
    let home = TempHome::new();
    let _stub = Stub::serve(&home, |_, _| (200, json!([{ "name": "github", "version": 2, "used_by": [] }])));
    let with = |variables: &[(&str, &str)]| {
        let mut command = briefcase(&home, &["secret", "list"]);
        command.envs(variables.iter().copied());
        String::from_utf8(command.output().expect("it runs").stdout).expect("text")
    };
    assert!(with(&[("CLICOLOR_FORCE", "1")]).contains('\u{1b}'));
    assert!(!with(&[("NO_COLOR", "1")]).contains('\u{1b}'));
}
