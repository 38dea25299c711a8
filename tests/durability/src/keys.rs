//! Keys and receipts for tests of the store: a fixed log key, and a seal that is not secret but rejects changed bytes
//! and other places.
#![expect(clippy::expect_used, reason = "fixed values of tests")]

use std::sync::Arc;

use briefcase_receipts::{
    ChangeReceipt, Intent, Kind, Outcome, Receipt, Text, Word, Words,
    checkpoint::{PublicKey, ReceiptLogOrigin},
};
use briefcase_store::{CheckpointSigner, Durability, ExpectedState, LOG_LIMIT, OpenOptions, Place, Seal, SealError};
use briefcase_types::{CallId, Digest, Incarnation, SecretBytes, SessionId, UnixMillis};
use ed25519_dalek::{Signer as _, SigningKey};

/// A test log key from a seed.
pub struct LogKey(SigningKey);

impl LogKey {
    pub fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    pub fn public(&self) -> PublicKey {
        PublicKey::from_bytes(&self.0.verifying_key().to_bytes()).expect("the key of a test")
    }
}

impl CheckpointSigner for LogKey {
    fn sign(&self, message: &[u8]) -> Option<[u8; 64]> {
        Some(self.0.sign(message).to_bytes())
    }
}

/// Hides bytes under a hash and detects every change.
pub struct TestSeal(pub u8);

impl TestSeal {
    fn tag(&self, place: Place, plain: &[u8]) -> Digest {
        Digest::labelled("test/seal", &[&[self.0], format!("{place:?}").as_bytes(), plain])
    }

    fn mask(tag: &[u8], bytes: &[u8]) -> Vec<u8> {
        let block = |number: usize| *Digest::labelled("test/mask", &[tag, &number.to_be_bytes()]).as_bytes();
        bytes
            .chunks(32)
            .enumerate()
            .flat_map(|(n, part)| part.iter().zip(block(n)).map(|(a, b)| a ^ b).collect::<Vec<_>>())
            .collect()
    }
}

impl Seal for TestSeal {
    fn seal(&self, place: Place, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let tag = self.tag(place, plain);
        Ok([&tag.as_bytes()[..], &Self::mask(tag.as_bytes(), plain)].concat())
    }

    fn open(&self, place: Place, sealed: &[u8]) -> Result<SecretBytes, SealError> {
        let (tag, masked) = sealed.split_at_checked(32).ok_or(SealError::DoesNotOpen)?;
        let plain = Self::mask(tag, masked);
        let holds = self.tag(place, &plain).as_bytes()[..] == *tag;
        if holds { Ok(SecretBytes::new(plain)) } else { Err(SealError::DoesNotOpen) }
    }
}

pub fn incarnation(number: u8) -> Incarnation {
    handle(u64::from(number)).parse().expect("a handle")
}

/// 128 bits as text, from a number. The last letter of 22 has four spare bits, which must be zero.
fn handle(number: u64) -> String {
    let digest = Digest::labelled("test/handle", &[&number.to_be_bytes()]).to_string();
    digest.chars().take(21).chain(['A']).collect()
}

pub fn call(number: u64) -> CallId {
    handle(number).parse().expect("a handle")
}

pub fn session() -> SessionId {
    handle(7_000_000).parse().expect("a handle")
}

pub fn options(expect: ExpectedState, number: u8) -> OpenOptions {
    let key = LogKey::new(7);
    OpenOptions {
        origin: ReceiptLogOrigin::new("test-install", &incarnation(number)).expect("an origin"),
        key: key.public(),
        signer: Box::new(key),
        seal: Arc::new(TestSeal(1)),
        expect,
        durability: Durability::Full,
        log_limit: LOG_LIMIT,
    }
}

/// The intent receipt of a call.
pub fn intent(number: u64) -> Receipt {
    let intent = Intent {
        call: call(number),
        agent: "claude-code".parse().expect("a name"),
        session: session(),
        server: "everything".parse().expect("a name"),
        op: Word::lossy("tools/call"),
        name: Some(Text::lossy("get_sum")),
        pin: Some(Digest::sha256(b"definition")),
        args: Some(Digest::labelled("test/args", &[&number.to_be_bytes()])),
        cost: None,
        amount: None,
        authority: 12,
        policies: [Word::lossy("granted-reads-run")].into_iter().collect(),
        approval: None,
        decision: Word::lossy("allow"),
        labels: Words::default(),
    };
    Receipt { at: UnixMillis(1_763_700_000_000 + number), kind: Kind::Intent(intent) }
}

/// The outcome receipt of a call.
pub fn outcome(number: u64) -> Receipt {
    let outcome = Outcome {
        call: call(number),
        intent: None,
        status: Word::lossy("ok"),
        result: Some(Digest::labelled("test/result", &[&number.to_be_bytes()])),
        bytes: 312,
        redacted: 0,
        millis: 12,
        cost: None,
        amount: None,
    };
    Receipt { at: UnixMillis(1_763_700_000_000 + number), kind: Kind::Outcome(outcome) }
}

/// The receipt for a change of the authority document.
pub fn change(old: u64, document: &[u8]) -> Receipt {
    let change = ChangeReceipt {
        old,
        new: old + 1,
        document: Digest::sha256(document),
        factor: None,
        summary: [Word::lossy("server_added")].into_iter().collect::<Words>(),
    };
    Receipt { at: UnixMillis(1_763_700_000_000), kind: Kind::Change(change) }
}
