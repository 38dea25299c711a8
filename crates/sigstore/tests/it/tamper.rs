//! Each part of a good bundle, changed or removed: rejected with the right code.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use briefcase_sigstore::{Artifact, SignerIdentity, SigstoreError, TrustedRoot, verify};
use serde_json::{Value, json};

use crate::{public_file, public_root, staging_root};

const ENTRY: &str = "/verificationMaterial/tlogEntries/0";

/// A real bundle, its artifact, and its signer.
struct Case {
    bundle: Value,
    artifact: Artifact<'static>,
    signer: SignerIdentity,
    root: fn() -> TrustedRoot,
}

fn blob() -> Case {
    let artifact = Artifact::Bytes(b"test content for cosign\n");
    assert_eq!(public_file("cosign-v3-blob.txt"), b"test content for cosign\n");
    case("cosign-v3-blob.sigstore.json", artifact, "w.vollprecht@gmail.com", public_root)
}

fn statement() -> Case {
    let subject = [
        0x54, 0x30, 0x34, 0x91, 0xa8, 0x41, 0x8f, 0xbe, 0xd2, 0x43, 0x44, 0xb5, 0x13, 0x54, 0x61, 0x82, 0xc2, 0x9b,
        0x43, 0xbf, 0x28, 0x2c, 0xeb, 0x43, 0x3a, 0xf6, 0x5e, 0x22, 0x99, 0xf9, 0x27, 0x1f,
    ];
    case("conda-attestation-rekor2.sigstore.json", Artifact::Sha256(subject), "jku@goto.fi", staging_root)
}

fn case(file: &str, artifact: Artifact<'static>, identity: &str, root: fn() -> TrustedRoot) -> Case {
    let bundle = serde_json::from_slice(&public_file(file)).unwrap();
    let issuer = "https://github.com/login/oauth".into();
    Case { bundle, artifact, signer: SignerIdentity { identity: identity.into(), issuer }, root }
}

fn judge(case: &Case) -> Result<(), SigstoreError> {
    verify(case.bundle.to_string().as_bytes(), case.artifact, &(case.root)(), &case.signer).map(|_| ())
}

/// Flips one bit in the middle of a base64 member.
fn flip(case: &mut Case, pointer: &str) {
    flip_at(case, pointer, |length| length / 2);
}

/// Flips the last bit of a timestamp. Its middle may hold a certificate that the verifier ignores in favour of the
/// root's.
fn flip_timestamp(case: &mut Case) {
    let pointer = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
    flip_at(case, pointer, |length| length - 1);
}

fn flip_at(case: &mut Case, pointer: &str, at: impl Fn(usize) -> usize) {
    let place = case.bundle.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer}"));
    let mut bytes = STANDARD.decode(place.as_str().unwrap()).unwrap();
    let at = at(bytes.len());
    *bytes.get_mut(at).unwrap() ^= 1;
    *place = json!(STANDARD.encode(bytes));
}

fn set(case: &mut Case, pointer: &str, value: Value) {
    *case.bundle.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer}")) = value;
}

fn take(case: &mut Case, parent: &str, name: &str) {
    let members = case.bundle.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    assert!(members.remove(name).is_some(), "there is no {parent}/{name}");
}

fn at(rest: &str) -> String {
    format!("{ENTRY}/{rest}")
}

/// A named change and the expected codes. Several codes are possible where more than one layer covers the bytes.
type Change<'a> = (&'a str, &'a dyn Fn(&mut Case), &'a [&'a str]);

fn refused(make: fn() -> Case, changes: &[Change<'_>]) {
    assert!(judge(&make()).is_ok(), "the bundle is good before it is touched");
    for (what, change, codes) in changes {
        let mut case = make();
        change(&mut case);
        let error = judge(&case).map_or_else(|error| error, |()| panic!("{what}: it still verifies"));
        assert!(codes.contains(&error.code()), "{what}: {} ({error})", error.code());
    }
}

#[test]
fn a_signed_blob() {
    let other: &dyn Fn(&mut Case) = &|case| case.artifact = Artifact::Bytes(b"test content for cosign");
    refused(
        blob,
        &[
            ("payload", other, &["artifact"]),
            ("digest", &|case| flip(case, "/messageSignature/messageDigest/digest"), &["artifact"]),
            ("signature", &|case| flip(case, "/messageSignature/signature"), &["signature", "signing_time"]),
            (
                "certificate",
                &|case| flip(case, "/verificationMaterial/certificate/rawBytes"),
                &["certificate", "bundle_malformed", "signature"],
            ),
            ("promise", &|case| flip(case, &at("inclusionPromise/signedEntryTimestamp")), &["log_promise"]),
            ("time in the promise", &|case| set(case, &at("integratedTime"), json!("1764787004")), &["log_promise"]),
            ("proof path", &|case| flip(case, &at("inclusionProof/hashes/0")), &["log_inclusion", "bundle_malformed"]),
            (
                "proof index",
                &|case| set(case, &at("inclusionProof/logIndex"), json!("1")),
                &["log_inclusion", "bundle_malformed"],
            ),
            (
                "proof root",
                &|case| flip(case, &at("inclusionProof/rootHash")),
                &["log_inclusion", "log_checkpoint", "bundle_malformed"],
            ),
            ("checkpoint", &|case| checkpoint(case), &["log_checkpoint", "bundle_malformed"]),
            (
                "entry",
                &|case| flip(case, &at("canonicalizedBody")),
                &["log_promise", "log_inclusion", "bundle_malformed", "log_entry"],
            ),
            ("timestamp", &flip_timestamp, &["signing_time"]),
            ("no proof", &|case| take(case, ENTRY, "inclusionProof"), &["no_log_proof"]),
            ("no checkpoint", &|case| take(case, &at("inclusionProof"), "checkpoint"), &["no_log_proof"]),
            ("no entry", &|case| set(case, "/verificationMaterial/tlogEntries", json!([])), &["no_log_proof"]),
            ("no entries", &|case| take(case, "/verificationMaterial", "tlogEntries"), &["no_log_proof"]),
            ("no certificate", &|case| take(case, "/verificationMaterial", "certificate"), &["bundle_malformed"]),
            ("another log", &|case| flip(case, &at("logId/keyId")), &["unknown_log", "log_promise"]),
            (
                "old version",
                &|case| set(case, "/mediaType", json!("application/vnd.dev.sigstore.bundle+json;version=0.1")),
                &["bundle_version"],
            ),
        ],
    );
}

/// The same tree under another signature: the last byte of the checkpoint's signature line.
fn checkpoint(case: &mut Case) {
    let place = case.bundle.pointer_mut(&at("inclusionProof/checkpoint/envelope")).unwrap();
    let text = place.as_str().unwrap();
    let (head, line) = text.trim_end().rsplit_once(' ').unwrap();
    let mut bytes = STANDARD.decode(line).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    *place = json!(format!("{head} {}\n", STANDARD.encode(bytes)));
}

#[test]
fn a_signed_statement() {
    refused(
        statement,
        &[
            ("subject", &|case| case.artifact = Artifact::Sha256([1; 32]), &["artifact"]),
            ("payload", &|case| flip(case, "/dsseEnvelope/payload"), &["signature", "artifact", "bundle_malformed"]),
            (
                "payload type",
                &|case| set(case, "/dsseEnvelope/payloadType", json!("text/plain")),
                &["signature", "bundle_malformed", "artifact"],
            ),
            ("signature", &|case| flip(case, "/dsseEnvelope/signatures/0/sig"), &["signature", "signing_time"]),
            (
                "proof path",
                &|case| flip(case, &at("inclusionProof/hashes/0")),
                &["log_inclusion", "bundle_malformed", "log_checkpoint"],
            ),
            (
                "entry",
                &|case| flip(case, &at("canonicalizedBody")),
                &["log_inclusion", "bundle_malformed", "log_entry"],
            ),
            ("timestamp", &flip_timestamp, &["signing_time"]),
            (
                "no timestamp",
                &|case| take(case, "/verificationMaterial", "timestampVerificationData"),
                &["signing_time", "bundle_malformed"],
            ),
            ("no proof", &|case| take(case, ENTRY, "inclusionProof"), &["no_log_proof"]),
            ("identity", &|case| case.signer.identity = "jku@goto.fi.example".into(), &["signer_identity"]),
            ("issuer", &|case| case.signer.issuer = "https://github.com/login".into(), &["signer_issuer"]),
        ],
    );
}

#[test]
fn another_bundles_parts_do_not_fit() {
    let (mut one, other) = (blob(), statement());
    set(&mut one, ENTRY, other.bundle.pointer(ENTRY).unwrap().clone());
    assert!(judge(&one).is_err());
    let mut one = blob();
    let certificate = "/verificationMaterial/certificate";
    set(&mut one, certificate, other.bundle.pointer(certificate).unwrap().clone());
    one.signer = other.signer;
    assert!(judge(&one).is_err());
}

#[test]
fn text_that_is_no_bundle_is_said() {
    let root = public_root();
    let code = |bytes: &[u8]| verify(bytes, blob().artifact, &root, &blob().signer).unwrap_err().code();
    assert_eq!(code(b""), "bundle_malformed");
    assert_eq!(code(b"\xff"), "bundle_malformed");
    assert_eq!(code(b"{}"), "bundle_version");
    assert_eq!(code(&vec![b' '; 2 << 20]), "bundle_malformed");
}
