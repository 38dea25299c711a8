//! The operations, run natively with the cases of the browser's module.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what they expect")]

use briefcase_release_verifier::{Failure, VerifierExecutor};
use serde_json::{Value, json};

fn cases() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/release/cases.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Runs the whole verification in the order of `bindings.ts`.
fn verify(file: &Value, case: &Value) -> Result<Value, Failure> {
    let text = |kind: &str| file["texts"][case[kind].as_str().unwrap()].as_str().unwrap().as_bytes().to_vec();
    let number = |value: &Value| value.to_string().into_bytes();
    let seen = &case["seen"];
    let mut executor = VerifierExecutor::default();
    let mut fields = ["policy", "manifest", "bundle", "proof"].map(text).to_vec();
    fields.extend([&seen["version"], &seen["floor"], &seen["index"], &case["now"]].map(number));
    executor.call(1, &fields)?;
    let found: Value = serde_json::from_str(&executor.call(2, &[text("module")])?).unwrap();
    let digest = found["release"]["sha256"].as_str().unwrap().as_bytes().to_vec();
    executor.call(3, &[digest.clone(), text("page")])?;
    executor.call(4, &[digest.clone(), text("headers")])?;
    let sent: Vec<[String; 2]> = serde_json::from_value(case["sent"].clone()).unwrap();
    let sent = sent.into_iter().flatten().map(String::into_bytes);
    executor.call(5, &[digest, text("headers"), b"/kms.html".to_vec()].into_iter().chain(sent).collect::<Vec<_>>())?;
    Ok(found)
}

#[test]
fn the_operations_decide_as_the_library() {
    let file = cases();
    for case in file["cases"].as_array().unwrap() {
        let found = match verify(&file, case) {
            Ok(found) => json!({ "seen": found["seen"] }),
            Err(Failure::Refused(error)) => json!({ "layer": error.layer().name(), "code": error.code() }),
            Err(Failure::Misuse) => panic!("{}: misuse", case["name"]),
        };
        assert_eq!(found, case["expected"], "{}", case["name"]);
    }
}

#[test]
fn without_a_verified_manifest_no_module_is_a_release() {
    let misuse = |executor: &mut VerifierExecutor, operation: u32, fields: &[&[u8]]| {
        let fields: Vec<Vec<u8>> = fields.iter().map(|field| field.to_vec()).collect();
        assert!(matches!(executor.call(operation, &fields), Err(Failure::Misuse)), "{operation} {fields:?}");
    };
    let mut executor = VerifierExecutor::default();
    misuse(&mut executor, 2, &[b"module"]);
    misuse(&mut executor, 3, &[&[b'a'; 64], b"page"]);
    misuse(&mut executor, 1, &[]);
    misuse(&mut executor, 6, &[b"x"]);
    misuse(&mut executor, 1, &[b"p", b"m", b"b", b"l", b"1", b"-1", b"0", b"0"]);
    assert!(matches!(
        executor.call(1, &["p", "m", "b", "l", "1", "1", "0", "0"].map(|field| field.as_bytes().to_vec())),
        Err(Failure::Refused(_))
    ));
    misuse(&mut executor, 2, &[b"module"]);
}
