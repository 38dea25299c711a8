//! Forgeries of a release, one case each, and the layer that rejects them. The names match the table in
//! docs/security.md. `vectors/release` is made from the same cases, so the browser's verifier runs them too.

use briefcase_release::{ReleaseError, ReleasePolicy, RollbackState};
use briefcase_tlog::LogProof;
use briefcase_types::{Digest, UnixMillis};
use serde_json::Value;

use crate::world::{HEADERS, MODULES, Published, WORLD, head, now, page, seconds};

/// The files a browser would have, and the verifier's inputs.
#[derive(Clone)]
pub struct Case {
    pub name: &'static str,
    pub policy: Value,
    pub published: Published,
    pub module: Vec<u8>,
    pub page: Vec<u8>,
    pub headers: Vec<u8>,
    /// The headers sent with the page.
    pub sent: Vec<(String, String)>,
    pub seen: RollbackState,
    pub now: UnixMillis,
    /// The state to store, or the layer and code of the rejection.
    pub expected: Result<RollbackState, (&'static str, &'static str)>,
}

/// The headers that this test project serves its page with.
fn sent() -> Vec<(String, String)> {
    [("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", "default-src 'none'"), ("Date", "today")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

impl Case {
    /// A state of the log with the module of a release, untouched.
    pub fn of(state: &str, version: usize) -> Self {
        let number = u64::try_from(version).unwrap();
        Self {
            name: "",
            policy: WORLD.policy_json(),
            published: WORLD.published(state),
            module: MODULES[version - 1].to_vec(),
            page: page(number),
            headers: HEADERS.to_vec(),
            sent: sent(),
            seen: RollbackState::default(),
            now: now(),
            expected: Ok(RollbackState::default()),
        }
    }

    fn good(name: &'static str, state: &str, version: usize, seen: RollbackState, after: RollbackState) -> Self {
        Self { name, seen, expected: Ok(after), ..Self::of(state, version) }
    }

    fn bad(mut self, name: &'static str, layer: &'static str, code: &'static str) -> Self {
        (self.name, self.expected) = (name, Err((layer, code)));
        self
    }

    /// Runs the whole verification.
    pub fn verify(&self) -> Result<RollbackState, ReleaseError> {
        let policy = ReleasePolicy::parse(self.policy.to_string().as_bytes())?;
        let manifest = policy.manifest(self.published.evidence(), self.seen, self.now)?;
        let release = manifest.module(&self.module)?;
        release.page(&self.page)?;
        let headers = release.headers(&self.headers)?;
        headers.check("/kms.html", self.sent.iter().map(|(name, value)| (&**name, &**value)))?;
        Ok(release.seen())
    }
}

pub fn all() -> Vec<Case> {
    [untouched(), parts(), evidence(), log(), witnesses(), back(), believed()].concat()
}

const FIRST: RollbackState = RollbackState { version: 1, floor: 1, index: 0 };
const SECOND: RollbackState = RollbackState { version: 2, floor: 1, index: 1 };
const THIRD: RollbackState = RollbackState { version: 3, floor: 2, index: 2 };

fn untouched() -> Vec<Case> {
    vec![
        Case::good("first release", "first", 1, RollbackState::default(), FIRST),
        Case::good("second release", "second", 2, RollbackState::default(), SECOND),
        Case::good("older one while the new one rolls out", "second", 1, FIRST, RollbackState { index: 1, ..FIRST }),
        Case::good("third release after the second", "withdrawn", 3, SECOND, THIRD),
        Case::good("the same again", "withdrawn", 3, THIRD, THIRD),
    ]
}

/// The second release after `change`.
fn forged(name: &'static str, layer: &'static str, code: &'static str, change: impl FnOnce(&mut Case)) -> Case {
    let mut case = Case::of("second", 2);
    change(&mut case);
    case.bad(name, layer, code)
}

fn parts() -> Vec<Case> {
    let header = |case: &mut Case, name: &str, value: &str| case.sent.push((name.into(), value.into()));
    vec![
        forged("module byte", "module", "unknown_module", |case| case.module[3] ^= 1),
        forged("module of nobody", "module", "unknown_module", |case| case.module = b"alert(1)".to_vec()),
        forged("page", "page", "page", |case| case.page.push(b' ')),
        forged("page of another release", "page", "page", |case| case.page = page(1)),
        forged("headers file", "headers", "headers_file", |case| case.headers.push(b'\n')),
        forged("header that is another", "headers", "header", |case| {
            case.sent[1].1 = "default-src 'none'; script-src *".into();
        }),
        forged("header that is missing", "headers", "header", |case| drop(case.sent.remove(1))),
        forged("header that was added", "headers", "header", |case| header(case, "Service-Worker-Allowed", "/")),
        forged("header sent twice", "headers", "header", |case| {
            header(case, "content-security-policy", "default-src *");
        }),
    ]
}

fn evidence() -> Vec<Case> {
    // Signed before the second: its certificate was valid when the second was signed, in whatever second that was.
    let first = WORLD.published("first");
    let third = WORLD.published("withdrawn");
    vec![
        forged("manifest byte", "signature", "artifact", |case| case.published.manifest[20] ^= 1),
        forged("manifest of another state", "signature", "artifact", |case| {
            case.published.manifest = third.manifest.clone();
        }),
        forged("signature of another state", "signature", "artifact", |case| {
            case.published.bundle = third.bundle.clone();
        }),
        forged("signature byte", "signature", "signing_time", |case| bend(case, "/messageSignature/signature")),
        forged("certificate of another key", "signature", "signature", |case| {
            transplant(case, &first, "/verificationMaterial/certificate/rawBytes");
        }),
        forged("signature log's promise of another entry", "signature", "log_promise", |case| {
            transplant(case, &third, "/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp");
        }),
        forged("no signature", "signature", "bundle_malformed", |case| case.published.bundle.clear()),
        Case::of("nonsense", 2).bad("signed and logged nonsense", "manifest", "manifest_malformed"),
        Case::of("ended", 2).bad("ended", "expiry", "expired"),
        forged("tomorrow", "expiry", "expired", |case| case.now.0 = WORLD.later * 1000),
    ]
}

/// Changes one letter of a member of the bundle.
fn bend(case: &mut Case, member: &str) {
    let mut bundle: Value = serde_json::from_slice(&case.published.bundle).unwrap();
    let text = bundle.pointer(member).and_then(Value::as_str).unwrap().to_owned();
    let at = text.len() / 2;
    let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    *bundle.pointer_mut(member).unwrap() = format!("{}{other}{}", &text[..at], &text[at + 1..]).into();
    case.published.bundle = bundle.to_string().into_bytes();
}

/// Puts another bundle's member into this one.
fn transplant(case: &mut Case, from: &Published, member: &str) {
    let mut bundle: Value = serde_json::from_slice(&case.published.bundle).unwrap();
    let other: Value = serde_json::from_slice(&from.bundle).unwrap();
    *bundle.pointer_mut(member).unwrap() = other.pointer(member).unwrap().clone();
    case.published.bundle = bundle.to_string().into_bytes();
}

fn log() -> Vec<Case> {
    let (second, third) = (WORLD.published("second"), WORLD.published("withdrawn"));
    vec![
        forged("proof of another entry", "log", "not_in_log", |case| case.published.proof = third.proof),
        forged("no proof", "log", "proof_malformed", |case| case.published.proof.clear()),
        forged("another index", "log", "not_in_log", |case| {
            case.published.proof = second.proof.replace("\nindex 1\n", "\nindex 0\n");
        }),
        forged("log by another key", "log", "log_head", |case| case.published.proof = WORLD.proof(1, 9, &[2, 3])),
        forged("a head of its own", "log", "not_in_log", |case| {
            let note = head(5, Digest::sha256(b"other"), 1, &[2, 3]).note().to_owned();
            case.published.proof = format!("{}\n\n{note}", second.proof.split_once("\n\n").unwrap().0);
        }),
    ]
}

fn witnesses() -> Vec<Case> {
    let second = WORLD.published("second");
    vec![
        forged("a log of its own", "witness", "witness_quorum", |case| {
            let root = briefcase_tlog::merkle::leaf_hash(&case.published.manifest);
            let note = head(1, root, 1, &[]).note().to_owned();
            case.published.proof = LogProof { index: 0, extra: None, path: vec![], note }.text();
        }),
        forged("one witness of two", "witness", "witness_quorum", |case| {
            case.published.proof = WORLD.proof(1, 1, &[2]);
        }),
        forged("a stranger as witness", "witness", "witness_quorum", |case| {
            case.published.proof = WORLD.proof(1, 1, &[2, 8]);
        }),
        forged("torn cosignature", "witness", "cosignature", |case| case.published.proof = torn(&second.proof)),
    ]
}

fn torn(proof: &str) -> String {
    let line = proof.lines().last().unwrap();
    let (start, end) = line.split_at(line.len() - 20);
    let other = if end.starts_with('A') { 'B' } else { 'A' };
    proof.replace(line, &format!("{start}{other}{}", &end[1..]))
}

fn back() -> Vec<Case> {
    let after = |seen: RollbackState, state: &str, version: usize| Case { seen, ..Case::of(state, version) };
    vec![
        // Still allowed, but the verifier used a newer release before.
        after(SECOND, "second", 1).bad("older version that is still allowed", "rollback", "older_module"),
        // Signed and logged, but older.
        after(SECOND, "first", 1).bad("older manifest", "rollback", "older_manifest"),
        after(THIRD, "second", 2).bad("older manifest and floor", "rollback", "older_manifest"),
        // Same numbers, but an earlier place in the log.
        after(RollbackState { index: 4, ..SECOND }, "second", 2).bad(
            "earlier place in the log",
            "rollback",
            "older_manifest",
        ),
        Case::of("withdrawn", 1).bad("withdrawn version", "module", "deprecated"),
    ]
}

fn believed() -> Vec<Case> {
    let other = "https://github.com/briefcase/briefcase/.github/workflows/other.yml@refs/tags/v1";
    vec![
        forged("another signer", "signature", "signer_identity", |case| case.policy["identity"] = other.into()),
        forged("another issuer", "signature", "signer_issuer", |case| {
            case.policy["issuer"] = "https://accounts.google.com".into();
        }),
        forged("witnesses that are not needed", "policy", "policy", |case| {
            let log = case.policy["log"].as_str().unwrap().replace("quorum two", "quorum none");
            case.policy["log"] = log.into();
        }),
        // A signature from the future is an error: the verifier's clock is a day behind.
        forged("a clock that is behind", "signature", "signing_time", |case| {
            case.now = UnixMillis((seconds() - 86_400) * 1000);
        }),
    ]
}
