//! RFC 6962 proof cases by other authors (transparency-dev), valid and tampered: each ends as labelled. The crate
//! `sigstore-merkle` ships them.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use briefcase_test_data::{AdditionalRun, shipped_folder};
use briefcase_tlog::merkle::{ConsistencyProof, InclusionProof};
use briefcase_types::Digest;
use serde_json::Value;

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

/// A hash in a proof. A wrong length makes the whole case invalid.
fn hash(text: &Value) -> Option<Digest> {
    let bytes = STANDARD.decode(text.as_str()?).unwrap();
    bytes.try_into().ok().map(Digest::from_bytes)
}

/// A root or leaf. Some cases use plain words, which are compared for equality only.
fn digest(text: &Value) -> Option<Digest> {
    let bytes = STANDARD.decode(text.as_str()?).unwrap();
    hash(text).or_else(|| (!bytes.is_empty()).then(|| Digest::labelled("not a hash", &[&bytes])))
}

fn path(case: &Value) -> Option<Vec<Digest>> {
    case["proof"].as_array().into_iter().flatten().map(hash).collect()
}

fn inclusion(case: &Value) -> Option<bool> {
    let (index, size) = (case["leafIdx"].as_u64()?, case["treeSize"].as_u64()?);
    let proof = InclusionProof { index, size, path: path(case)? };
    Some(proof.verify(&digest(&case["leafHash"])?, &digest(&case["root"])?).is_ok())
}

fn consistency(case: &Value) -> Option<bool> {
    let (old, new) = (case["size1"].as_u64()?, case["size2"].as_u64()?);
    let proof = ConsistencyProof { old, new, path: path(case)? };
    Some(proof.verify(&digest(&case["root1"])?, &digest(&case["root2"])?).is_ok())
}

/// Checks every case of a folder. Returns their number.
fn check(folder: &Path, accepts: fn(&Value) -> Option<bool>) -> usize {
    let mut found = Vec::new();
    cases(folder, &mut found);
    assert!(found.len() >= 80, "only {} cases in {}", found.len(), folder.display());
    let mut good = 0;
    for (name, case) in &found {
        let wanted = !case["wantErr"].as_bool().unwrap();
        assert_eq!(accepts(case).unwrap_or(false), wanted, "{name}");
        good += usize::from(wanted);
    }
    assert!(good > 0, "no good case in {}", folder.display());
    found.len()
}

fn check_both(folder: &Path) -> usize {
    check(&folder.join("inclusion"), inclusion) + check(&folder.join("consistency"), consistency)
}

#[test]
fn the_cases_of_transparency_dev_end_as_labelled() {
    check_both(&shipped_folder("sigstore-merkle").join("test-data/merkle/testdata"));
}

#[test]
fn cases_beside_the_checkout_end_as_labelled() {
    let Some(run) = AdditionalRun::begin("Merkle proof cases", "data/merkle") else { return };
    let count = check_both(run.folder());
    run.finish(count);
}
