//! Untrusted input of a release verifier and a witness: manifests, header files, policies, proofs, requests. An
//! accepted input has one encoding, and is not trusted by that alone.
#![no_main]

use briefcase_release::{HeadersFile, ReleaseManifest};
use briefcase_tlog::{AddCheckpoint, LogPolicy, LogProof, LogVerifierKey};
use libfuzzer_sys::fuzz_target;

const LOG: &str = "releases.example/log+3899f6bb+ARW4wBtHPoMkXOhItUe281CY1BCc9lzsiaDXIk5Qfaoi";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = ReleaseManifest::parse(bytes) {
        assert_eq!(manifest.encode().expect("an accepted input can be written"), bytes);
        assert!(manifest.current.version >= manifest.version_floor);
    }
    if let Ok(headers) = HeadersFile::parse(bytes) {
        for path in ["/", "/kms.html", "/artifacts/kms-0.mjs"] {
            assert!(headers.check(path, headers.of(path)).is_ok(), "the headers of the file are valid");
            assert!(headers.check(path, headers.of(path).into_iter().chain([("Set-Cookie", "a")])).is_err());
        }
    }
    if let Ok(proof) = LogProof::parse(bytes) {
        assert_eq!(LogProof::parse(proof.text().as_bytes()).expect("an accepted input can be written"), proof);
    }
    if let Ok(request) = AddCheckpoint::parse(bytes) {
        assert_eq!(AddCheckpoint::parse(request.text().as_bytes()).expect("an accepted input can be written"), request);
        // Only the holder of the key can make a cosigned one.
        let log: LogVerifierKey = LOG.parse().expect("a key");
        assert!(request.accept(&log, None).is_err());
    }
    if let Some(policy) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<LogPolicy>().ok()) {
        assert!(policy.check(b"", u64::MAX).is_err());
        assert!(policy.allows_no_witness() || !policy.witnesses().is_empty());
    }
});
