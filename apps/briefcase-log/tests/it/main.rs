//! The program from the view of a release's maker and a witness's operator: real processes, files and crashes.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed expectation fails the test and shows its place"
)]

#[path = "../../../../crates/testkit/src/clock.rs"]
mod clock;
mod crash;
mod log;
mod witness;
mod world;

use crate::world::{World, run};

#[test]
fn every_command_has_help_with_an_example() {
    let world = World::new();
    let mut all = String::new();
    for command in ["", "key", "init", "add", "collect", "proof", "check", "witness"] {
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.push("--help");
        let ran = run(world.path(), &args);
        assert!(ran.ok() && ran.out().contains("Example"), "{command}: {}", ran.err());
        all.push_str(&format!("==== briefcase-log {command}\n{}\n", ran.out()));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn errors_have_a_code_and_a_next_step() {
    let world = World::new();
    for (args, code, exit) in [
        (&["add", "nothing", "entry", "--key", "log.key"][..], "file", 2),
        (&["init", "public", "--key", "log.key"], "exists", 2),
        (&["add", "public", "entry", "--key", "w1.key"], "key", 2),
        (&["proof", "public", "entry", "--policy", "policy.txt"], "entry", 2),
        (&["key", "log.key", "--name", "again.example"], "exists", 2),
        (&["collect", "public", "--policy", "entry"], "policy", 2),
        (&["check", "public", "--log", "nonsense"], "checkpoint", 1),
    ] {
        let ran = run(world.path(), &[&["--json"], args].concat());
        let told: serde_json::Value =
            serde_json::from_str(&ran.err()).unwrap_or_else(|_| panic!("{args:?}: {}", ran.err()));
        assert_eq!((told["code"].as_str(), ran.code()), (Some(code), Some(exit)), "{args:?}: {told}");
        assert!(told["next_step"].as_str().is_some_and(|next| !next.is_empty()));
    }
    assert_eq!(run(world.path(), &["no-such"]).code(), Some(2));
}
