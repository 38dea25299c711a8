//! A witness against a dishonest log.

use std::fs;

use crate::world::{World, run};

#[test]
fn a_second_history_gets_no_cosignature() {
    let world = World::new();
    world.add("public", "one");
    world.copy("public", "fork");
    let witness = world.start(1);
    world.policy(&[&witness]);
    world.add("public", "two");
    world.add("fork", "another two");
    world.collect("public");
    assert!(world.note("public").contains("— witness.example/1 "));
    // The same size with another root, then a longer one that does not extend the last cosigned one.
    let same = world.collect("fork");
    assert!(same.out().contains("w1: no cosignature from witness `w1`"), "{}", same.out());
    world.add("fork", "another three");
    assert_eq!(witness.post("/add-checkpoint", world.request("fork", 2).as_bytes()).unwrap().0, 422);
    assert!(!world.collect("fork").ok());
    assert!(!world.note("fork").contains("witness.example/1"));
    // The true log continues.
    world.add("public", "three");
    world.collect("public");
    assert!(world.witness_key(1).verify(world.note("public").as_bytes()).is_ok());
}

#[test]
fn a_log_with_a_new_key_stays_one_log() {
    let world = World::new();
    world.add("public", "one");
    let made = run(world.path(), &["key", "next.key", "--name", "releases.example/log", "--for", "log"]);
    assert!(run(world.path(), &["init", "next", "--key", "next.key"]).ok());
    for text in ["one", "two"] {
        fs::write(world.path().join("entry"), text).unwrap();
        assert!(run(world.path(), &["add", "next", "entry", "--key", "next.key"]).ok());
    }
    let policy = fs::read_to_string(world.path().join("policy.txt")).unwrap();
    let next = made.out();
    fs::write(world.path().join("policy.txt"), format!("log {}\n{policy}", next.trim())).unwrap();
    let witness = world.start(1);
    let ask = |log: &str, old| witness.post("/add-checkpoint", world.request(log, old).as_bytes()).unwrap().0;
    assert_eq!(ask("public", 0), 200, "the key before");
    assert_eq!(ask("next", 0), 409, "the stored checkpoint belongs to the log, not the key");
    assert_eq!(ask("next", 1), 200, "the key after");
    world.add("public", "another two");
    assert_eq!(ask("public", 2), 409, "a second history under the key before");
}

#[test]
fn a_restored_log_gets_the_last_cosigned_size() {
    let world = World::new();
    world.add("public", "one");
    world.copy("public", "older");
    world.add("public", "two");
    let witness = world.start(1);
    world.policy(&[&witness]);
    world.collect("public");
    let ran = world.collect("older");
    assert!(ran.out().contains("it has cosigned 2 entries, and this log has 1"), "{}", ran.out());
    assert_eq!(witness.post("/add-checkpoint", world.request("older", 0).as_bytes()).unwrap(), (409, "2\n".into()));
}

#[test]
fn a_witness_remembers_across_restarts() {
    let world = World::new();
    world.add("public", "one");
    world.copy("public", "fork");
    let mut witness = world.start(1);
    world.policy(&[&witness]);
    world.add("public", "two");
    world.add("fork", "another two");
    world.collect("public");
    let busy = run(
        world.path(),
        &["--json", "witness", "seen1", "--key", "w1.key", "--policy", "policy.txt", "--listen", "127.0.0.1:0"],
    );
    assert!(busy.err().contains("\"busy\""), "two witnesses must not share one state folder: {}", busy.err());
    witness.kill();
    let witness = world.start(1);
    assert_eq!(witness.post("/add-checkpoint", world.request("fork", 1).as_bytes()).unwrap(), (409, "2\n".into()));
    assert_eq!(witness.post("/add-checkpoint", world.request("public", 2).as_bytes()).unwrap().0, 200);
}

#[test]
fn an_unreadable_state_is_an_error() {
    let world = World::new();
    world.add("public", "one");
    let witness = world.start(1);
    world.policy(&[&witness]);
    world.collect("public");
    let file = fs::read_dir(world.path().join("seen1")).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|end| end == "note")).unwrap();
    let note = fs::read(&file).unwrap();
    for bytes in [&b""[..], &note[..note.len() / 2], b"releases.example/log\n0\n"] {
        fs::write(&file, bytes).unwrap();
        let answer = witness.post("/add-checkpoint", world.request("public", 0).as_bytes()).unwrap();
        assert_eq!(answer.0, 500, "{answer:?}");
    }
}

#[test]
fn the_server_accepts_one_kind_of_request() {
    let world = World::new();
    world.add("public", "one");
    let witness = world.start(1);
    let request = world.request("public", 0);
    let ask = |path: &str, body: &[u8]| witness.post(path, body).unwrap().0;
    assert_eq!(ask("/", request.as_bytes()), 404);
    assert_eq!(ask("/add-checkpoint", b"nonsense"), 400);
    assert_eq!(ask("/add-checkpoint", &[b'a'; 200 * 1024]), 400);
    assert_eq!(ask("/add-checkpoint", request.replace("old 0", "old 9").as_bytes()), 400);
    assert_eq!(ask("/add-checkpoint", request.replace("releases.example/log", "other.example/log").as_bytes()), 404);
    assert_eq!(ask("/add-checkpoint", request.replace("\n1\n", "\n2\n").as_bytes()), 403);
    let (status, line) = witness.post("/add-checkpoint", request.as_bytes()).unwrap();
    assert_eq!(status, 200);
    let note = format!("{}{line}", world.note("public"));
    assert!(world.witness_key(1).verify(note.as_bytes()).is_ok());
}
