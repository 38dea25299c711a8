//! `kill -9` at any moment: a witness never cosigns two trees of one size, and a log is never left damaged.

use std::{thread, time::Duration};

use crate::world::{World, post, program, run};

#[test]
fn a_killed_witness_never_cosigns_two_trees_of_one_size() {
    let world = World::new();
    world.add("public", "start");
    world.start(1).post("/add-checkpoint", world.request("public", 0).as_bytes()).unwrap();
    let (mut true_ones, mut forks) = (0, 0);
    for round in 1..=12_u64 {
        world.copy("public", &format!("fork{round}"));
        world.add("public", &format!("entry {round}"));
        world.add(&format!("fork{round}"), &format!("another {round}"));
        let requests = ["public".to_owned(), format!("fork{round}")].map(|log| world.request(&log, round));
        let mut witness = world.start(1);
        let url = witness.url.clone();
        let sent = {
            let (url, body) = (url.clone(), requests[0].clone());
            thread::spawn(move || post(&url, "/add-checkpoint", body.as_bytes()))
        };
        thread::sleep(Duration::from_micros(300 * round));
        witness.kill();
        let first = sent.join().unwrap().is_some_and(|(status, _)| status == 200);
        let witness = world.start(1);
        let second = witness.post("/add-checkpoint", requests[1].as_bytes()).is_some_and(|(status, _)| status == 200);
        assert!(!(first && second), "round {round}: two trees of one size were cosigned");
        true_ones += u32::from(first);
        forks += u32::from(second);
        if second {
            world.copy(&format!("fork{round}"), "next");
            std::fs::remove_dir_all(world.path().join("public")).unwrap();
            std::fs::rename(world.path().join("next"), world.path().join("public")).unwrap();
        } else {
            // The witness knows the true checkpoint, whether it answered or not.
            let again = witness.post("/add-checkpoint", world.request("public", round + 1).as_bytes());
            assert_eq!(again.unwrap().0, 200, "round {round}");
        }
    }
    assert!(true_ones + forks > 0);
}

#[test]
fn a_log_killed_while_appending_is_intact() {
    let world = World::new();
    let key = world.log_key().to_string();
    for round in 0..15_u64 {
        std::fs::write(world.path().join("entry"), format!("entry {round}")).unwrap();
        let mut child = program(world.path(), &["add", "public", "entry", "--key", "log.key"]).spawn().unwrap();
        thread::sleep(Duration::from_micros(700 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let ran = run(world.path(), &["check", "public", "--log", &key]);
        assert!(ran.ok(), "round {round}: {}", ran.err());
        world.add("public", &format!("entry {round}"));
    }
    assert!(world.note("public").contains("\n15\n"), "each entry exists once");
}
