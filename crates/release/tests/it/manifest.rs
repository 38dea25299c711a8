//! A manifest has one encoding and one meaning.

use briefcase_release::{ReleaseManifest, ReleaseStatus, hex, module_path, unhex};
use briefcase_types::Digest;

use crate::world::{manifest, release};

#[test]
fn encoding_and_parsing_round_trip() {
    let manifest = manifest(2, &[1], &[], 1, 4_000_000_000);
    let bytes = manifest.encode().unwrap();
    assert_eq!(ReleaseManifest::parse(&bytes).unwrap(), manifest);
    let text = String::from_utf8(bytes).unwrap();
    let digest = hex(&release(2).sha256);
    assert!(
        text.starts_with(r#"{"allowed":[{"commit":"0123456789abcdef0123456789abcdef01234567","headers":""#),
        "{text}"
    );
    assert!(text.contains(&format!(r#""sha256":"{digest}","version":2"#)));
    assert_eq!(module_path(&release(2).sha256), format!("artifacts/kms-{digest}.mjs"));
}

/// The output of `cargo xtask enclave build`, byte for byte.
#[test]
fn the_build_writes_a_valid_manifest() {
    let d = "ab".repeat(32);
    let c = "0".repeat(40);
    let text = format!(
        r#"{{"allowed":[],"current":{{"commit":"{c}","headers":"{d}","page":"{d}","schema":1,"sha256":"{d}","version":1}},"deprecated":[],"expires":2145916800,"form":"briefcase/kms-manifest@1","version_floor":1}}"#
    );
    assert_eq!(ReleaseManifest::parse(text.as_bytes()).unwrap().current.version, 1);
}

#[test]
fn other_encodings_and_contents_are_rejected() {
    let good = String::from_utf8(manifest(3, &[2], &[1], 2, 4_000_000_000).encode().unwrap()).unwrap();
    let digest = hex(&release(2).sha256);
    for bad in [
        format!(" {good}"),
        format!("{good}\n"),
        good.replace(r#""version_floor":2"#, r#""version_floor":2.0"#),
        good.replace(r#""version_floor":2"#, r#""version_floor":-2"#),
        good.replace(r#""version_floor":2"#, r#""version_floor":3"#),
        good.replace(r#""version_floor":2"#, r#""version_floor":9"#),
        good.replace(r#""version_floor":2"#, r#""version_floor":2,"x":1"#),
        good.replace(r#","version_floor":2"#, ""),
        good.replace(r#""version":2"#, r#""version":3"#),
        good.replace(r#""version":2"#, r#""version":4"#),
        good.replace(&digest, &digest.to_uppercase()),
        good.replace(&digest, &digest[2..]),
        good.replace(&digest, &hex(&release(3).sha256)),
        good.replace("manifest@1", "manifest@2"),
        good.replace("0123456789abcdef0123456789abcdef01234567", "main"),
        good.replace(r#""allowed":["#, r#""allowed":[1,"#),
        "[]".into(),
        String::new(),
    ] {
        assert_ne!(bad, good);
        let error = ReleaseManifest::parse(bad.as_bytes()).expect_err(&bad);
        assert_eq!((error.layer().name(), error.code()), ("manifest", "manifest_malformed"));
    }
    assert!(manifest(1, &[2], &[], 1, 1).encode().is_err(), "an allowed release above the current one");
}

#[test]
fn releases_below_the_floor_are_deprecated() {
    let manifest = manifest(3, &[2], &[1], 2, 4_000_000_000);
    let status = |version| manifest.find(&release(version).sha256).map(|(status, _)| status);
    assert_eq!(status(3), Some(ReleaseStatus::Current));
    assert_eq!(status(2), Some(ReleaseStatus::Allowed));
    assert_eq!(status(1), Some(ReleaseStatus::Deprecated));
    assert_eq!(manifest.find(&Digest::sha256(b"other")), None);
}

#[test]
fn digests_use_the_notation_of_sha256sum() {
    let digest = Digest::sha256(b"");
    assert_eq!(hex(&digest), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(unhex(&hex(&digest)), Some(digest));
    for bad in ["", "e3", &hex(&digest)[1..], &format!("{}0", hex(&digest)), &hex(&digest).replace('e', "g")] {
        assert_eq!(unhex(bad), None);
    }
}
