//! The standalone verifier, run from outside.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use briefcase_receipts::{
    LogFolder,
    export::{FileSink as _, export},
    merkle::{Frontier, leaf_hash},
    proof::ReceiptProof,
};
use briefcase_types::{Digest, ReceiptIndex};

use crate::sample::{head_of, key, signing_key, story};

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("briefcase-verify-{name}-{}", std::process::id())))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

fn run(arguments: &[&Path]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_receipts-verify")).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn an_export_verifies_or_the_error_names_the_receipt() {
    let place = Place::new("folder");
    let receipts = story(300);
    let mut folder = LogFolder::new(&place.0);
    export(&receipts[..], &head_of(&receipts, &signing_key()), &mut folder).unwrap();
    let known = place.0.join("known");
    std::fs::write(&known, head_of(&receipts[..40], &signing_key()).note()).unwrap();
    let (flag, public) = (Path::new("--key"), key().to_string());

    let (code, out, _) = run(&[&place.0, flag, public.as_ref()]);
    assert_eq!(code, Some(0));
    assert!(out.starts_with("verified: 300 receipts of briefcase/install-1/"), "{out}");
    let (code, out, _) = run(&[&place.0, flag, public.as_ref(), "--known".as_ref(), &known]);
    assert_eq!((code, out.contains("continues the known checkpoint of 40 receipts")), (Some(0), true), "{out}");

    let bundle = place.0.join("tile/entries/000");
    let changed =
        std::fs::read(&bundle).unwrap().iter().map(|byte| if *byte == b'g' { b'G' } else { *byte }).collect::<Vec<_>>();
    folder.write("tile/entries/000", &changed).unwrap();
    let (code, out, error) = run(&[&place.0, flag, public.as_ref()]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(error.starts_with("NOT VERIFIED: receipt r0 was changed"), "{error}");
}

#[test]
fn one_receipt_verifies_by_its_proof() {
    let place = Place::new("proof");
    std::fs::create_dir_all(&place.0).unwrap();
    let receipts = story(20);
    let mut frontier = Frontier::new();
    let hashes: Vec<Digest> = receipts.iter().flat_map(|receipt| frontier.append(leaf_hash(receipt))).collect();
    let proof = ReceiptProof::prove(ReceiptIndex(7), &head_of(&receipts, &signing_key()), &hashes[..]).unwrap();
    let (proof_file, receipt_file) = (place.0.join("r7.tlog-proof"), place.0.join("r7.json"));
    std::fs::write(&proof_file, proof.text()).unwrap();
    let public = key().to_string();
    let check = |receipt: &[u8]| {
        std::fs::write(&receipt_file, receipt).unwrap();
        run(&["--proof".as_ref(), &proof_file, "--receipt".as_ref(), &receipt_file, "--key".as_ref(), public.as_ref()])
    };
    assert_eq!(check(&receipts[7]).0, Some(0));
    assert_eq!(check(&receipts[8]).0, Some(1));
}

#[test]
fn wrong_usage_differs_from_a_failed_verification() {
    for arguments in [&["folder"][..], &["folder", "--key", "nonsense"], &["--frobnicate"], &["a", "b"], &["--key"]] {
        let paths: Vec<&Path> = arguments.iter().map(Path::new).collect();
        let (code, _, error) = run(&paths);
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(error.contains("usage: receipts-verify"), "{error}");
    }
}
