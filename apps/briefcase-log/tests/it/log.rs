//! A log from its first entry to a proof that anyone can verify.

use std::fs;

use briefcase_tlog::LogProof;

use crate::world::{World, run};

/// A time after any clock of a test.
const LATEST: u64 = u64::MAX >> 1;

#[test]
fn a_proof_needs_the_policys_quorum() {
    let world = World::new();
    for number in 0..300 {
        world.add("public", &format!("entry {number}"));
    }
    let prove =
        || run(world.path(), &["--json", "proof", "public", "entry", "--policy", "policy.txt", "--out", "proof"]);
    let (first, third) = (world.start(1), world.start(3));
    assert!(prove().err().contains("\"quorum\""), "{}", prove().err());
    world.policy(&[&first]);
    let ran = world.collect("public");
    assert_eq!(ran.code(), Some(1), "{}", ran.out());
    assert!(ran.out().contains("w1: cosigned") && ran.out().contains("Too few"), "{}", ran.out());
    assert!(prove().err().contains("\"quorum\""));
    let policy = world.policy(&[&first, &third]);
    assert!(world.collect("public").ok());
    assert!(world.collect("public").ok(), "asking again changes nothing");
    let told: serde_json::Value = serde_json::from_str(&prove().out()).unwrap();
    assert_eq!((&told["index"], &told["cosigned"]), (&299.into(), &serde_json::json!(["w1", "w3"])));
    let proof = LogProof::parse(&fs::read(world.path().join("proof")).unwrap()).unwrap();
    assert_eq!(proof.verify_by(b"entry 299", &policy, LATEST).unwrap().cosigned().len(), 2);
    assert!(proof.verify_by(b"entry 298", &policy, LATEST).is_err());
    assert!(run(world.path(), &["check", "public", "--log", &world.log_key().to_string()]).ok());
}

#[test]
fn a_repeated_last_entry_is_not_appended_again() {
    let world = World::new();
    world.add("public", "one");
    let note = world.note("public");
    world.add("public", "one");
    assert_eq!(world.note("public"), note, "adding again is safe after an interrupted run");
    world.add("public", "two");
    world.add("public", "one");
    assert!(world.note("public").contains("\n3\n"));
}

#[test]
fn every_changed_file_is_detected() {
    let world = World::new();
    for number in 0..258 {
        world.add("public", &format!("entry {number}"));
    }
    let check = || run(world.path(), &["--json", "check", "public", "--log", &world.log_key().to_string()]);
    assert!(check().ok());
    for file in
        ["tile/0/000", "tile/0/001.p/2", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/2", "checkpoint"]
    {
        let path = world.path().join("public").join(file);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        for bytes in [bad, good[..good.len() - 1].to_vec(), Vec::new()] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(check().code(), Some(1), "{file}");
        }
        fs::remove_file(&path).unwrap();
        assert!(!check().ok(), "{file}");
        fs::write(&path, good).unwrap();
    }
    assert!(check().ok());
    fs::write(world.path().join("public/tile/0/001.p/2"), [7; 64]).unwrap();
    let ran = run(world.path(), &["--json", "add", "public", "entry", "--key", "log.key"]);
    assert!(ran.err().contains("\"damaged\""), "a damaged log is not continued: {}", ran.err());
}
