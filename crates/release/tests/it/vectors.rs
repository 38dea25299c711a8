//! `vectors/release/cases.json`: every case with its files, for verifiers in other languages and targets. `texts` holds
//! the contents of files, by names that cases share.

use std::{collections::BTreeMap, fs, path::PathBuf};

use briefcase_release::{ReleasePolicy, RollbackState};
use briefcase_types::UnixMillis;
use serde_json::{Value, json};

use crate::{
    cases::{self, Case},
    world::Published,
};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/release/cases.json")
}

#[derive(Default)]
struct Texts(BTreeMap<String, String>);

impl Texts {
    fn keep(&mut self, kind: &str, bytes: &[u8]) -> String {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let same = self.0.iter().find(|(name, kept)| name.starts_with(kind) && **kept == text);
        if let Some((name, _)) = same {
            return name.clone();
        }
        let number = self.0.keys().filter(|name| name.starts_with(kind)).count() + 1;
        let name = format!("{kind} {number:02}");
        self.0.insert(name.clone(), text);
        name
    }
}

fn numbers(seen: RollbackState) -> Value {
    json!({ "version": seen.version, "floor": seen.floor, "index": seen.index })
}

/// Writes the file again. The bundles come from a mock Sigstore with new keys, so every line changes.
fn write() {
    let mut texts = Texts::default();
    let cases: Vec<Value> = cases::all()
        .into_iter()
        .map(|case| {
            json!({
                "name": case.name,
                "policy": texts.keep("policy", case.policy.to_string().as_bytes()),
                "manifest": texts.keep("manifest", &case.published.manifest),
                "bundle": texts.keep("bundle", &case.published.bundle),
                "proof": texts.keep("proof", case.published.proof.as_bytes()),
                "module": texts.keep("module", &case.module),
                "page": texts.keep("page", &case.page),
                "headers": texts.keep("headers", &case.headers),
                "sent": case.sent,
                "seen": numbers(case.seen),
                "now": case.now.0,
                "expected": match case.expected {
                    Ok(seen) => json!({ "seen": numbers(seen) }),
                    Err((layer, code)) => json!({ "layer": layer, "code": code }),
                },
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "texts": texts.0, "cases": cases })).unwrap();
    fs::create_dir_all(path().parent().unwrap()).unwrap();
    fs::write(path(), text + "\n").unwrap();
}

fn seen(value: &Value) -> RollbackState {
    let number = |name: &str| value[name].as_u64().unwrap();
    RollbackState { version: number("version"), floor: number("floor"), index: number("index") }
}

#[test]
fn the_committed_cases_give_their_expected_results() {
    if std::env::var_os("WRITE_VECTORS").is_some() {
        write();
    }
    let file: Value = serde_json::from_slice(&fs::read(path()).unwrap()).unwrap();
    let text = |case: &Value, kind: &str| file["texts"][case[kind].as_str().unwrap()].as_str().unwrap().to_owned();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), cases::all().len(), "a case was added: see vectors/release/README.md");
    for value in cases {
        let published = Published {
            manifest: text(value, "manifest").into_bytes(),
            bundle: text(value, "bundle").into_bytes(),
            proof: text(value, "proof"),
        };
        let case = Case {
            policy: serde_json::from_str(&text(value, "policy")).unwrap(),
            published,
            module: text(value, "module").into_bytes(),
            page: text(value, "page").into_bytes(),
            headers: text(value, "headers").into_bytes(),
            sent: serde_json::from_value(value["sent"].clone()).unwrap(),
            seen: seen(&value["seen"]),
            now: UnixMillis(value["now"].as_u64().unwrap()),
            ..Case::of("first", 1)
        };
        let found = match case.verify() {
            Ok(after) => json!({ "seen": numbers(after) }),
            Err(error) => json!({ "layer": error.layer().name(), "code": error.code() }),
        };
        assert_eq!(found, value["expected"], "{}", value["name"]);
    }
    let some = cases.iter().find(|case| case["name"] == "second release").unwrap();
    assert!(ReleasePolicy::parse(text(some, "policy").as_bytes()).is_ok());
}
