//! Real bundles, with the real trusted root of the public instance and that of the staging instance.

use briefcase_sigstore::{Artifact, SignedContent, SignerIdentity, TrustedRoot, verify};
use briefcase_test_data::AdditionalRun;

use crate::{public_file, public_root as root, staging_root};

const GITHUB: &str = "https://github.com/login/oauth";

fn signer(identity: &str) -> SignerIdentity {
    SignerIdentity { identity: identity.into(), issuer: GITHUB.into() }
}

fn unhex(text: &str) -> [u8; 32] {
    let bytes: Vec<u8> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2).unwrap(), 16).unwrap()).collect();
    bytes.try_into().unwrap()
}

#[test]
fn a_blob_signed_with_cosign_verifies() {
    let (bundle, blob) = (public_file("cosign-v3-blob.sigstore.json"), public_file("cosign-v3-blob.txt"));
    let who = signer("w.vollprecht@gmail.com");
    let verified = verify(&bundle, blob[..].into(), &root(), &who).unwrap();
    assert_eq!((verified.signer(), verified.signed()), (&who, SignedContent::Bytes));
    // The earlier of the log's time (1764787003) and the timestamp authority's.
    assert!((1_764_786_990..=1_764_787_003).contains(&verified.signed_at()), "{}", verified.signed_at());
    let other = verify(&bundle, b"test content for cosign!"[..].into(), &root(), &who).unwrap_err();
    assert_eq!(other.code(), "artifact");
}

/// The log, authority and clock of this bundle are those of Sigstore's staging instance.
#[test]
fn a_statement_in_the_second_generation_log_verifies_for_its_subject_only() {
    let bundle = public_file("conda-attestation-rekor2.sigstore.json");
    let subject = unhex("54303491a8418fbed24344b513546182c29b43bf282ceb433af65e2299f9271f");
    let verified = verify(&bundle, Artifact::Sha256(subject), &staging_root(), &signer("jku@goto.fi")).unwrap();
    assert_eq!(verified.signed(), SignedContent::Statement);
    assert!((1_779_781_336..1_779_781_936).contains(&verified.signed_at()), "{}", verified.signed_at());
    let other = verify(&bundle, Artifact::Sha256([7; 32]), &staging_root(), &signer("jku@goto.fi")).unwrap_err();
    assert_eq!(other.code(), "artifact");
    let elsewhere = verify(&bundle, Artifact::Sha256(subject), &root(), &signer("jku@goto.fi")).unwrap_err();
    assert_eq!(elsewhere.code(), "signing_time", "the public root does not name the clock: {elsewhere}");
}

/// This bundle too. Its signature is valid, but the public root does not name its authorities.
#[test]
fn a_bundle_of_another_instance_is_refused_for_its_log() {
    let bundle = public_file("bundle_v3.json");
    let blob = Artifact::Sha256(unhex("5e6ae9de58c1177bea615b4fcbfb2fd688e8c4b51c2e56b6a38e817833ec24a2"));
    let who = signer("william@yossarian.net");
    let verified = verify(&bundle, blob, &staging_root(), &who).unwrap();
    assert_eq!((verified.signed(), verified.signed_at()), (SignedContent::Bytes, 1_712_085_549));
    let refused = verify(&bundle, blob, &root(), &who).unwrap_err();
    assert_eq!(refused.code(), "log_promise", "the public root does not name the log: {refused}");
}

#[test]
fn the_signer_is_exactly_the_expected_one() {
    let (bundle, blob) = (public_file("cosign-v3-blob.sigstore.json"), public_file("cosign-v3-blob.txt"));
    let code = |identity: &str, issuer: &str| {
        let who = SignerIdentity { identity: identity.into(), issuer: issuer.into() };
        verify(&bundle, blob[..].into(), &root(), &who).unwrap_err().code()
    };
    for near in ["w.vollprecht@gmail.co", "W.vollprecht@gmail.com", "vollprecht@gmail.com", "", "*"] {
        assert_eq!(code(near, GITHUB), "signer_identity", "{near}");
    }
    for near in ["https://github.com/login/oauth/", "https://github.com", "", "https://accounts.google.com"] {
        assert_eq!(code("w.vollprecht@gmail.com", near), "signer_issuer", "{near}");
    }
}

#[test]
fn an_unusable_trusted_root_is_an_error() {
    for bad in [&b"{}"[..], b"", b"[]", b"\xff"] {
        assert_eq!(TrustedRoot::parse(bad).unwrap_err().code(), "trusted_root");
    }
}

/// The bundles of a folder beside the checkout, when there is one.
#[test]
fn bundles_beside_the_checkout_hold_too() {
    let Some(run) = AdditionalRun::begin("bundles of the public Sigstore instance", "data/sigstore") else { return };
    let file = |name: &str| std::fs::read(run.folder().join(name)).unwrap();
    let root = TrustedRoot::parse(&file("trusted_root.json")).unwrap();
    let blob = unhex("5e6ae9de58c1177bea615b4fcbfb2fd688e8c4b51c2e56b6a38e817833ec24a2");
    let package = unhex("54303491a8418fbed24344b513546182c29b43bf282ceb433af65e2299f9271f");
    let text = file("cosign-v3-blob.txt");
    let cases = [
        ("cosign-v3-blob.sigstore.json", Artifact::Bytes(&text), &root, "w.vollprecht@gmail.com"),
        ("conda-attestation-rekor2.sigstore.json", Artifact::Sha256(package), &staging_root(), "jku@goto.fi"),
        ("bundle_v3.json", Artifact::Sha256(blob), &staging_root(), "william@yossarian.net"),
    ];
    for (name, artifact, root, who) in cases {
        verify(&file(name), artifact, root, &signer(who)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(verify(&file(name), Artifact::Sha256([7; 32]), root, &signer(who)).is_err(), "{name}");
    }
    run.finish(cases.len());
}
