//! Short runs of the campaigns. `cargo xtask durability` runs them longer.
#![expect(clippy::unwrap_used, reason = "a failed expectation fails the test")]

use std::process::Command;

fn campaign(name: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_durability")).args([name, "--seconds", "4"]).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn twenty_kills_lose_nothing() {
    let said = campaign("kill");
    let kills: u64 = said.split_whitespace().nth(2).unwrap().parse().unwrap();
    assert!(kills >= 20, "{said}");
}

#[test]
fn failing_writes_are_never_acknowledged() {
    assert!(campaign("faults").contains("0 acknowledged after an error"));
}

#[test]
fn power_cuts_lose_nothing_and_the_control_run_does() {
    assert!(campaign("replay").contains("synchronous=FULL, 0 lost"));
}
