//! A bundle that the public Sigstore instance made, before its real trusted root. What it signs is no manifest and in no
//! log of ours, so it ends at the log: the signature before that held.

use std::path::{Path, PathBuf};

use briefcase_release::{ReleaseEvidence, ReleasePolicy, RollbackState};

use crate::world::{WORLD, now};

/// The data that lies beside the checkout.
fn file(name: &str) -> Vec<u8> {
    let up = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let path: PathBuf = up
        .map(|folder| folder.join("shared/data/sigstore").join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("there is no shared/data/sigstore/{name} beside the checkout; this test needs it"));
    std::fs::read(path).unwrap()
}

#[test]
fn a_signature_of_the_public_instance_holds_and_only_over_its_bytes() {
    let mut json = WORLD.policy_json();
    json["identity"] = "w.vollprecht@gmail.com".into();
    json["issuer"] = "https://github.com/login/oauth".into();
    json["trusted_root"] = serde_json::from_slice(&file("trusted_root.json")).unwrap();
    let policy = ReleasePolicy::parse(json.to_string().as_bytes()).unwrap();
    let (bundle, blob) = (file("cosign-v3-blob.sigstore.json"), file("cosign-v3-blob.txt"));
    let ends = |manifest: &[u8]| {
        let evidence = ReleaseEvidence { manifest, bundle: &bundle, proof: b"" };
        let error = policy.manifest(evidence, RollbackState::default(), now()).unwrap_err();
        (error.layer().name(), error.code())
    };
    assert_eq!(ends(&blob), ("log", "proof_malformed"));
    assert_eq!(ends(&[&blob[..], b"\n"].concat()), ("signature", "artifact"));
}
