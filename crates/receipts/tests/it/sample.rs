//! A log for tests: a day of calls, signed with a public test key.

use std::{collections::BTreeMap, io};

use briefcase_receipts::{
    ChangeReceipt, Intent, Kind, Outcome, PublicKey, Receipt, ReceiptCheckpoint, Reconcile, ReconciledEffect, Refused,
    StartReceipt, Text, Word, Words,
    checkpoint::{ReceiptLogOrigin, SignedReceiptCheckpoint},
    export::{FileSink, export},
    merkle::{Frontier, leaf_hash},
    verify::FileSource,
};
use briefcase_types::{CallId, Digest, Incarnation, ReceiptIndex, RefusalCode, SessionId, UnixMillis};
use ed25519_dalek::{Signer as _, SigningKey};

pub fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

pub fn key() -> PublicKey {
    PublicKey::from_bytes(signing_key().verifying_key().as_bytes()).unwrap()
}

fn handle(number: u64) -> String {
    use base64::Engine as _;
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

pub fn call(number: u64) -> CallId {
    handle(number).parse().unwrap()
}

pub fn incarnation() -> Incarnation {
    handle(1).parse().unwrap()
}

pub fn session() -> SessionId {
    handle(2).parse().unwrap()
}

pub fn intent(number: u64) -> Intent {
    Intent {
        call: call(number),
        agent: "claude-code".parse().unwrap(),
        session: session(),
        server: "github".parse().unwrap(),
        op: Word::lossy("tools/call"),
        name: Some(Text::lossy("search_code")),
        pin: Some(Digest::sha256(b"pin")),
        args: Some(Digest::sha256(b"args")),
        cost: None,
        amount: None,
        authority: 7,
        policies: [Word::lossy("granted-reads")].into_iter().collect(),
        approval: None,
        decision: Word::lossy("allow"),
        labels: Words::default(),
    }
}

pub fn outcome(number: u64, intent: Option<u64>) -> Outcome {
    Outcome {
        call: call(number),
        intent: intent.map(ReceiptIndex),
        status: Word::lossy("ok"),
        result: Some(Digest::sha256(&number.to_le_bytes())),
        bytes: 1234,
        redacted: 0,
        millis: 87,
        cost: None,
        amount: None,
    }
}

pub fn refused(number: u64) -> Refused {
    Refused {
        call: call(number),
        agent: "claude-code".parse().unwrap(),
        session: session(),
        server: Some("github".parse().unwrap()),
        op: Some(Word::lossy("tools/call")),
        name: Some(Text::lossy("delete_repo")),
        code: RefusalCode::Denied,
        reason: Word::lossy("policy"),
        args: None,
        policies: [].into_iter().collect(),
        authority: 7,
        approval: None,
    }
}

/// `count` receipts: a start, a change, then calls (two in flight at a time), refusals, and one orphan.
pub fn story(count: u64) -> Vec<Vec<u8>> {
    (0..count)
        .map(|index| Receipt { at: UnixMillis(1_763_712_000_000 + index), kind: kind(index) }.encode().unwrap())
        .collect()
}

fn kind(index: u64) -> Kind {
    match (index, index % 5) {
        (0, _) => Kind::Start(StartReceipt {
            incarnation: incarnation(),
            program: Word::lossy("0.1.0"),
            files: Words::default(),
        }),
        (1, _) => Kind::Change(ChangeReceipt {
            old: 0,
            new: 7,
            document: Digest::sha256(b"document"),
            factor: None,
            summary: [Word::lossy("setup")].into_iter().collect(),
        }),
        (2..5, _) => Kind::Refusal(refused(index)),
        // Two intents, their outcomes in reverse order, then a refusal.
        (_, 0) | (_, 1) => Kind::Intent(intent(index)),
        (7, _) => {
            Kind::Reconcile(Reconcile { call: call(6), intent: ReceiptIndex(6), verdict: ReconciledEffect::Unknown })
        }
        (_, 2) => Kind::Outcome(outcome(index - 1, Some(index - 1))),
        (_, 3) => Kind::Outcome(outcome(index - 3, None)),
        _ => Kind::Refusal(refused(index)),
    }
}

pub fn head_of(receipts: &[Vec<u8>], signer: &SigningKey) -> SignedReceiptCheckpoint {
    let mut frontier = Frontier::new();
    for receipt in receipts {
        frontier.append(leaf_hash(receipt));
    }
    let origin = ReceiptLogOrigin::new("install-1", &incarnation()).unwrap();
    let head = ReceiptCheckpoint { origin, size: frontier.size(), root: frontier.root() };
    let public = PublicKey::from_bytes(signer.verifying_key().as_bytes()).unwrap();
    head.sign(&public, |text| Some(signer.sign(text).to_bytes())).unwrap()
}

/// An export in memory, for tampering.
#[derive(Clone, Default)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

impl FileSink for Files {
    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }
}

impl FileSource for Files {
    fn read(&self, path: &str, _limit: usize) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(path).cloned())
    }
}

pub fn exported(receipts: &[Vec<u8>]) -> Files {
    let mut files = Files::default();
    export(receipts, &head_of(receipts, &signing_key()), &mut files).unwrap();
    files
}
