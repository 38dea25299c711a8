//! Tampering with each layer, and which verifier catches it. The names here are those of the table in docs/security.md.

use briefcase_release::{ReleaseError, Seen, Standing};
use briefcase_tlog::LogProof;
use briefcase_types::{Digest, UnixMillis};

use crate::world::{HEADERS, MODULES, Published, WORLD, head, now, page, seconds};

/// Runs the whole path over what a browser would hold.
fn verify(
    published: &Published,
    module: &[u8],
    page: &[u8],
    headers: &[u8],
    seen: Seen,
    now: UnixMillis,
) -> Result<Seen, ReleaseError> {
    let manifest = WORLD.policy().manifest(published.evidence(), seen, now)?;
    let release = manifest.module(module)?;
    release.page(page)?;
    let headers = release.headers(headers)?;
    headers.check("/kms.html", headers.of("/kms.html"))?;
    Ok(release.seen())
}

fn good(name: &str, version: usize) -> Result<Seen, ReleaseError> {
    seen_before(name, version, Seen::default())
}

fn seen_before(name: &str, version: usize, seen: Seen) -> Result<Seen, ReleaseError> {
    let number = u64::try_from(version).unwrap();
    verify(&WORLD.published(name), MODULES[version - 1], &page(number), HEADERS, seen, now())
}

/// What a forger does to the second release before it is looked at.
struct Forged {
    published: Published,
    module: Vec<u8>,
    page: Vec<u8>,
    headers: Vec<u8>,
}

fn caught(what: &str, forge: impl FnOnce(&mut Forged)) -> (&'static str, &'static str) {
    let published = WORLD.published("second");
    let mut forged = Forged { published, module: MODULES[1].to_vec(), page: page(2), headers: HEADERS.to_vec() };
    forge(&mut forged);
    let Forged { published, module, page, headers } = forged;
    match verify(&published, &module, &page, &headers, Seen::default(), now()) {
        Ok(_) => panic!("{what}: nobody caught it"),
        Err(error) => (error.layer().name(), error.code()),
    }
}

#[test]
fn what_the_maker_published_is_a_release() {
    assert_eq!(good("first", 1).unwrap(), Seen { version: 1, floor: 1, index: 0 });
    assert_eq!(good("second", 2).unwrap(), Seen { version: 2, floor: 1, index: 1 });
    assert_eq!(good("second", 1).unwrap().version, 1, "an older one is allowed while the new one rolls out");
    let policy = WORLD.policy();
    let published = WORLD.published("second");
    let manifest = policy.manifest(published.evidence(), Seen::default(), now()).unwrap();
    assert!(manifest.logged_at().abs_diff(seconds()) < 600);
    assert_eq!(manifest.witnessed().cosigned().len(), 2);
    assert_eq!((manifest.signer(), manifest.index()), (&policy.signer, 1));
    let release = manifest.module(MODULES[0]).unwrap();
    assert_eq!((release.standing(), release.release().version), (Standing::Allowed, 1));
}

#[test]
fn tampering_with_each_layer_is_caught_by_that_layer() {
    let second = WORLD.published("second");
    let third = WORLD.published("withdrawn");
    assert_eq!(caught("module byte", |f| f.module[3] ^= 1), ("module", "unknown_module"));
    assert_eq!(caught("module of nobody", |f| f.module = b"alert(1)".to_vec()), ("module", "unknown_module"));
    assert_eq!(caught("page", |f| f.page.push(b' ')), ("page", "page"));
    assert_eq!(caught("page of another release", |f| f.page = page(1)), ("page", "page"));
    assert_eq!(caught("headers file", |f| f.headers.push(b'\n')), ("headers", "headers_file"));
    assert_eq!(caught("manifest byte", |f| f.published.manifest[20] ^= 1), ("signature", "artifact"));
    assert_eq!(
        caught("manifest of another state", |f| f.published.manifest = third.manifest.clone()),
        ("signature", "artifact")
    );
    assert_eq!(
        caught("signature of another state", |f| f.published.bundle = third.bundle.clone()),
        ("signature", "artifact")
    );
    assert_eq!(caught("no signature", |f| f.published.bundle.clear()), ("signature", "bundle_malformed"));
    assert_eq!(caught("proof of another entry", |f| f.published.proof = third.proof.clone()), ("log", "not_in_log"));
    assert_eq!(caught("no proof", |f| f.published.proof.clear()), ("log", "proof_malformed"));
    assert_eq!(
        caught("another index", |f| {
            f.published.proof = second.proof.replace("\nindex 1\n", "\nindex 0\n");
        }),
        ("log", "not_in_log")
    );
    assert_eq!(caught("log by another key", |f| f.published.proof = WORLD.proof(1, 9, &[2, 3])), ("log", "log_head"));
    assert_eq!(
        caught("a log of its own", |f| {
            let root = briefcase_tlog::tree::leaf_hash(&f.published.manifest);
            let head = head(1, root, 1, &[]);
            f.published.proof = LogProof { index: 0, extra: None, path: vec![], note: head.note().into() }.text();
        }),
        ("witness", "witness_quorum")
    );
    assert_eq!(
        caught("a head of its own", |f| {
            f.published.proof = swap_head(&second.proof, head(5, Digest::sha256(b"other"), 1, &[2, 3]).note());
        }),
        ("log", "not_in_log")
    );
    assert_eq!(
        caught("one witness of two", |f| f.published.proof = WORLD.proof(1, 1, &[2])),
        ("witness", "witness_quorum")
    );
    assert_eq!(
        caught("a stranger as witness", |f| f.published.proof = WORLD.proof(1, 1, &[2, 8])),
        ("witness", "witness_quorum")
    );
    assert_eq!(caught("torn cosignature", |f| f.published.proof = torn(&second.proof)), ("witness", "cosignature"));
    assert_eq!(
        caught("signed and logged nonsense", |f| f.published = WORLD.published("nonsense")),
        ("manifest", "manifest_malformed")
    );
    assert_eq!(caught("ended", |f| f.published = WORLD.published("ended")), ("expiry", "expired"));
}

fn swap_head(proof: &str, note: &str) -> String {
    format!("{}\n\n{note}", proof.split_once("\n\n").unwrap().0)
}

fn torn(proof: &str) -> String {
    let line = proof.lines().last().unwrap();
    let (start, end) = line.split_at(line.len() - 20);
    let other = if end.starts_with('A') { 'B' } else { 'A' };
    proof.replace(line, &format!("{start}{other}{}", &end[1..]))
}

#[test]
fn nothing_goes_back() {
    let code =
        |result: Result<Seen, ReleaseError>| result.map_err(|error| (error.layer().name(), error.code())).unwrap_err();
    let after_second = good("second", 2).unwrap();
    // The older module is still allowed, but not for somebody who used the newer one.
    assert_eq!(code(seen_before("second", 1, after_second)), ("rollback", "older_module"));
    // The older manifest is signed and logged, but older.
    assert_eq!(code(seen_before("first", 1, after_second)), ("rollback", "older_manifest"));
    let after_third = seen_before("withdrawn", 3, after_second).unwrap();
    assert_eq!(after_third, Seen { version: 3, floor: 2, index: 2 });
    assert_eq!(code(seen_before("second", 2, after_third)), ("rollback", "older_manifest"));
    // Taken out of use.
    assert_eq!(code(seen_before("withdrawn", 1, Seen::default())), ("module", "deprecated"));
    // Same numbers, but an earlier place in the log.
    let later_place = Seen { index: 4, ..after_second };
    assert_eq!(code(seen_before("second", 2, later_place)), ("rollback", "older_manifest"));
    assert_eq!(seen_before("withdrawn", 3, after_third).unwrap(), after_third, "again is no step back");
}

#[test]
fn time_is_an_argument() {
    let published = WORLD.published("second");
    let at = |now: u64| {
        let result = verify(&published, MODULES[1], &page(2), HEADERS, Seen::default(), UnixMillis(now * 1000));
        result.map(|_| ()).map_err(|error| error.code())
    };
    assert_eq!(at(seconds()), Ok(()));
    assert_eq!(at(seconds() + 86_500), Err("expired"));
    assert_eq!(at(seconds() - 86_400), Err("signing_time"), "nobody has signed tomorrow");
}

#[test]
fn another_signer_or_issuer_is_refused() {
    let published = WORLD.published("second");
    for (name, value, code) in [
        (
            "identity",
            "https://github.com/briefcase/briefcase/.github/workflows/other.yml@refs/tags/v1",
            "signer_identity",
        ),
        ("issuer", "https://accounts.google.com", "signer_issuer"),
    ] {
        let mut json = WORLD.policy_json();
        json[name] = value.into();
        let policy = briefcase_release::Policy::parse(json.to_string().as_bytes()).unwrap();
        let error = policy.manifest(published.evidence(), Seen::default(), now()).unwrap_err();
        assert_eq!((error.layer().name(), error.code()), ("signature", code));
    }
}
