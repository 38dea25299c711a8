//! A bundle of the public Sigstore instance, verified with the instance's real trusted root. It signs no manifest and
//! is in none of our logs, so verification fails at the log, after the signature.

use briefcase_release::{ReleaseEvidence, ReleasePolicy, RollbackState};
use briefcase_test_data::shipped_file;
use briefcase_types::UnixMillis;

use crate::world::WORLD;

/// A time after the bundle was signed: the start of 2026.
const AFTER: UnixMillis = UnixMillis(1_767_225_600_000);

#[test]
fn a_signature_of_the_public_instance_is_valid_only_over_its_bytes() {
    let mut json = WORLD.policy_json();
    json["identity"] = "w.vollprecht@gmail.com".into();
    json["issuer"] = "https://github.com/login/oauth".into();
    let root = shipped_file("sigstore-trust-root", "src/trusted_root.json");
    json["trusted_root"] = serde_json::from_slice(&root).unwrap();
    let policy = ReleasePolicy::parse(json.to_string().as_bytes()).unwrap();
    let bundle = shipped_file("sigstore-verify", "test_data/bundles/cosign-v3-blob.sigstore.json");
    let blob = shipped_file("sigstore-verify", "test_data/bundles/cosign-v3-blob.txt");
    let ends = |manifest: &[u8]| {
        let evidence = ReleaseEvidence { manifest, bundle: &bundle, proof: b"" };
        let error = policy.manifest(evidence, RollbackState::default(), AFTER).unwrap_err();
        (error.layer().name(), error.code())
    };
    assert_eq!(ends(&blob), ("log", "proof_malformed"));
    assert_eq!(ends(&[&blob[..], b"\n"].concat()), ("signature", "artifact"));
}
