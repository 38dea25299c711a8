//! A bundle made with the upstream project's own client and mock services.

#[path = "../../../../tests/fixtures/sigstore-mock/mock.rs"]
mod fixture;

use std::{fs, path::PathBuf};

use briefcase_sigstore::{SignedContent, SignerIdentity, TrustedRoot, verify};
use fixture::{IDENTITY, ISSUER};

use crate::{public_file, public_root};

fn fresh(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _absent = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_bundle_from_the_reference_client_verifies_and_near_misses_fail() {
    let folder = fresh("mock");
    let (one, other) = (folder.join("one.json"), folder.join("other.json"));
    fs::write(&one, br#"{"release":1}"#).unwrap();
    fs::write(&other, br#"{"release":2}"#).unwrap();
    let root = fixture::sign(&folder, &[one, other]);
    let bundle = |name: &str| fs::read(folder.join(format!("{name}.json.sigstore.json"))).unwrap();
    let root = TrustedRoot::parse(&root).unwrap();
    let signer = SignerIdentity { identity: IDENTITY.into(), issuer: ISSUER.into() };
    let judge = |bundle: &[u8], content: &[u8], root: &TrustedRoot, signer: &SignerIdentity| {
        verify(bundle, content.into(), root, signer).map_err(|error| (error.code(), error.to_string()))
    };
    let verified = judge(&bundle("one"), br#"{"release":1}"#, &root, &signer).unwrap();
    assert_eq!((verified.signed(), verified.signer()), (SignedContent::Bytes, &signer));
    assert!(judge(&bundle("other"), br#"{"release":2}"#, &root, &signer).is_ok());
    assert_eq!(judge(&bundle("other"), br#"{"release":1}"#, &root, &signer).unwrap_err().0, "artifact");
    let tag = SignerIdentity { identity: IDENTITY.replace("v1", "v2"), ..signer.clone() };
    assert_eq!(judge(&bundle("one"), br#"{"release":1}"#, &root, &tag).unwrap_err().0, "signer_identity");
    // Each trusted root accepts only its own bundles.
    assert!(judge(&bundle("one"), br#"{"release":1}"#, &public_root(), &signer).is_err());
    let theirs = public_file("cosign-v3-blob.sigstore.json");
    let who =
        SignerIdentity { identity: "w.vollprecht@gmail.com".into(), issuer: "https://github.com/login/oauth".into() };
    assert!(judge(&theirs, &public_file("cosign-v3-blob.txt"), &root, &who).is_err());
}
