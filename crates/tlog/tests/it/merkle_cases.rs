//! RFC 6962 proof cases made by others (transparency-dev), good and tampered: each has to end as it is labelled.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use briefcase_tlog::tree::{Consistency, Inclusion};
use briefcase_types::Digest;
use serde_json::Value;

use crate::shared_data;

fn cases(folder: &Path, found: &mut Vec<(String, Value)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            cases(&path, found);
        } else {
            let case = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            found.push((path.display().to_string(), case));
        }
    }
}

/// A hash in a proof. One of another length is no hash: the case is refused before the proof is looked at.
fn hash(text: &Value) -> Option<Digest> {
    let bytes = STANDARD.decode(text.as_str()?).unwrap();
    bytes.try_into().ok().map(Digest::from_bytes)
}

/// A root or leaf. Some cases use plain words, which only have to be equal to themselves and to nothing else.
fn digest(text: &Value) -> Option<Digest> {
    let bytes = STANDARD.decode(text.as_str()?).unwrap();
    hash(text).or_else(|| (!bytes.is_empty()).then(|| Digest::labelled("not a hash", &[&bytes])))
}

fn path(case: &Value) -> Option<Vec<Digest>> {
    case["proof"].as_array().into_iter().flatten().map(hash).collect()
}

fn inclusion(case: &Value) -> Option<bool> {
    let (index, size) = (case["leafIdx"].as_u64()?, case["treeSize"].as_u64()?);
    let proof = Inclusion { index, size, path: path(case)? };
    Some(proof.verify(&digest(&case["leafHash"])?, &digest(&case["root"])?).is_ok())
}

fn consistency(case: &Value) -> Option<bool> {
    let (old, new) = (case["size1"].as_u64()?, case["size2"].as_u64()?);
    let proof = Consistency { old, new, path: path(case)? };
    Some(proof.verify(&digest(&case["root1"])?, &digest(&case["root2"])?).is_ok())
}

fn check(folder: &str, accepts: fn(&Value) -> Option<bool>, at_least: usize) {
    let mut found = Vec::new();
    cases(&shared_data("merkle").join(folder), &mut found);
    assert!(found.len() >= at_least, "only {} cases in {folder}", found.len());
    let mut good = 0;
    for (name, case) in &found {
        let wanted = !case["wantErr"].as_bool().unwrap();
        assert_eq!(accepts(case).unwrap_or(false), wanted, "{name}");
        good += usize::from(wanted);
    }
    assert!(good > 0, "no good case in {folder}");
}

#[test]
fn inclusion_cases_end_as_labelled() {
    check("inclusion", inclusion, 80);
}

#[test]
fn consistency_cases_end_as_labelled() {
    check("consistency", consistency, 80);
}
