//! The command and the program behind it: same arguments, same help, and a reason when the program is missing.

use std::process::Command;

use briefcase_testkit::{TempHome, program};

use crate::{briefcase, run};

/// The program itself.
fn auditor(args: &[&str]) -> (i32, String) {
    let ended = Command::new(env!("CARGO_BIN_EXE_briefcase-enclave")).args(args).output().unwrap();
    (ended.status.code().unwrap(), String::from_utf8(ended.stdout).unwrap() + &String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn the_program_takes_the_arguments_that_the_command_documents() {
    let home = TempHome::new();
    for command in ["verify", "watch"] {
        let documented = run(&home, &["enclave", command, "--help"]).out();
        let (code, own) = auditor(&[command, "--help"]);
        assert_eq!((code, own), (0, documented.replace("Usage: briefcase enclave", "Usage: briefcase-enclave")));
    }
    assert_eq!(auditor(&["verify"]).0, 2);
    let (code, text) = auditor(&["--json", "verify"]);
    assert!(code == 2 && text.contains("\"code\":\"usage\"") && text.contains("briefcase-enclave --help"), "{text}");
}

#[test]
fn arguments_that_do_not_parse_are_refused_before_the_program_starts() {
    let home = TempHome::new();
    let ran = run(&home, &["--json", "enclave", "watch", "https://kms.example.org", "--interval", "1w"]);
    assert_eq!(ran.code(), 2);
    assert!(ran.err().contains("\"code\":\"usage\"") && ran.err().contains("briefcase --help"), "{}", ran.err());
}

#[test]
fn a_missing_program_is_named() {
    let home = TempHome::new();
    let copy = home.file("briefcase");
    std::fs::copy(program("briefcase"), &copy).unwrap();
    let alone = briefcase(&home, &["--json", "enclave", "verify", "."]);
    let mut command = Command::new(copy);
    command.env_clear().env("PATH", "/nonexistent").envs(home.env()).args(alone.get_args());
    let ended = command.output().unwrap();
    let text = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(10), "{text}");
    assert!(text.contains("\"code\":\"unavailable\"") && text.contains("briefcase-enclave"), "{text}");
}
