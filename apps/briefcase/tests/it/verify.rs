//! The offline check of an export.

use std::{fs, path::PathBuf};

use briefcase_receipts::{LogFolder, export::export};
use briefcase_testkit::TempHome;
use serde_json::{Value, json};

use crate::{run, sample};

/// An attacker's edit of a file.
type Change = fn(&mut Vec<u8>);

/// An exported record of sample receipts, and the key that signed it.
fn exported(home: &TempHome, name: &str, count: u64) -> (PathBuf, String) {
    let receipts = sample::story(count);
    let head = sample::head_of(&receipts, &sample::signing_key());
    let folder = home.file(name);
    export(&receipts[..], &head, &mut LogFolder::new(&folder)).expect("an export");
    (folder, sample::key().to_string())
}

fn verify(home: &TempHome, args: &[&str]) -> (i32, Value) {
    let ran = run(home, &[&["--json", "receipts", "verify"], args].concat());
    (ran.code(), serde_json::from_str(&ran.out()).unwrap_or_else(|_| serde_json::from_str(&ran.err()).expect("JSON")))
}

#[test]
fn a_whole_record_is_verified_without_a_daemon() {
    let home = TempHome::new();
    let (folder, key) = exported(&home, "record", 700);
    let folder = folder.to_str().expect("text");
    let (code, answer) = verify(&home, &[folder, "--key", &key]);
    assert_eq!((code, &answer["verified"], &answer["key_from"]), (0, &json!(true), &json!("command_line")));
    assert_eq!(answer["size"], 700);
    insta::assert_snapshot!(run(&home, &["receipts", "verify", folder, "--key", &key]).out());
}

#[test]
fn every_kind_of_tampering_is_a_negative_result() {
    let home = TempHome::new();
    let (whole, key) = exported(&home, "record", 300);
    let bundle = "tile/entries/001.p/44";
    let cases: [(&str, Change); 4] = [
        ("an edit", |bytes| {
            let last = bytes.len() - 10;
            bytes[last] ^= 1;
        }),
        ("a cut tail", |bytes| bytes.truncate(bytes.len() / 2)),
        ("an addition", |bytes| bytes.extend([0, 2, b'{', b'}'])),
        ("a removal", |bytes| bytes.clear()),
    ];
    for (what, change) in cases {
        let mut bytes = fs::read(whole.join(bundle)).expect("a bundle");
        let before = bytes.clone();
        change(&mut bytes);
        fs::write(whole.join(bundle), bytes).expect("written");
        let (code, answer) = verify(&home, &[whole.to_str().expect("text"), "--key", &key]);
        assert_eq!((code, &answer["verified"]), (1, &json!(false)), "{what}");
        assert!(answer["index"].as_u64().is_some_and(|index| index >= 256), "{what}: {answer}");
        fs::write(whole.join(bundle), before).expect("put back");
    }
}

#[test]
fn a_key_from_the_folder_is_named_as_unproved() {
    let home = TempHome::new();
    let (folder, key) = exported(&home, "record", 5);
    let path = folder.to_str().expect("text");
    assert_eq!(verify(&home, &[path]).0, 2, "no key at all");
    fs::write(folder.join("log.key"), format!("{key}\n")).expect("written");
    let ran = run(&home, &["receipts", "verify", path]);
    assert_eq!(ran.code(), 0);
    assert!(ran.out().contains("the key is the right one: it came with the folder"), "{}", ran.out());
    let other = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";
    let (code, answer) = verify(&home, &[path, "--key", other]);
    assert!(matches!(code, 1 | 2), "{answer}");
}

#[test]
fn a_saved_checkpoint_detects_a_rollback() {
    let home = TempHome::new();
    let (long, key) = exported(&home, "long", 400);
    let (short, _) = exported(&home, "short", 300);
    let [long, short] = [&long, &short].map(|path| path.to_str().expect("text"));
    let head = home.file("head.note");
    let head = head.to_str().expect("text");
    assert_eq!(verify(&home, &[long, "--key", &key, "--save-head", head]).0, 0);
    let (code, answer) = verify(&home, &[short, "--key", &key, "--known", head]);
    assert_eq!(code, 1);
    assert!(answer["reason"].as_str().expect("a reason").contains("rolled back"), "{answer}");
    assert_eq!(verify(&home, &[long, "--key", &key, "--known", head]).1["continues"], 400);
}
