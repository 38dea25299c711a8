//! Two parties with repeatable randomness.

use std::sync::Mutex;

use briefcase_ratchet::{
    AcceptedSession, HandshakeOptions, LastResort, LocalIdentity, PrekeyBundle, Prekeys, PublishedPrekeys,
    RatchetError, RatchetSession, ResponderPolicy, SoftKeys, Step, accept, initiate, now,
};
use briefcase_types::{Digest, Entropy};

/// Hashes of a seed and a counter.
pub struct Seeded(Mutex<(u64, u64)>);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new((seed, 0)))
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for chunk in bytes.chunks_mut(32) {
            state.1 += 1;
            let block = Digest::labelled("test entropy", &[&state.0.to_be_bytes(), &state.1.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

/// Repeats the same bytes, like a machine that was rolled back together with its random generator.
pub struct Stuck;

impl Entropy for Stuck {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

pub struct Party {
    pub identity: LocalIdentity<SoftKeys>,
    pub prekeys: Prekeys,
    pub published: PublishedPrekeys,
}

pub fn identity(seed: u64) -> LocalIdentity<SoftKeys> {
    LocalIdentity::generate(&Seeded::new(seed)).unwrap()
}

pub fn party(seed: u64, one_time: usize) -> Party {
    let entropy = Seeded::new(seed);
    let identity = LocalIdentity::generate(&entropy).unwrap();
    let made = now(Prekeys::make(&identity, one_time, LastResort::Made, &entropy)).unwrap().unwrap();
    let (prekeys, published) = made.into_parts();
    Party { identity, prekeys, published }
}

pub const ANY: ResponderPolicy = ResponderPolicy { allow_x3dh: true };

pub fn begin(
    identity: &LocalIdentity<SoftKeys>,
    bundle: &PrekeyBundle,
    options: HandshakeOptions,
    seed: u64,
) -> RatchetSession {
    now(initiate(identity, bundle, options, &Seeded::new(seed))).unwrap().unwrap()
}

pub fn take(
    party: &Party,
    prekeys: &Prekeys,
    message: &[u8],
    policy: ResponderPolicy,
) -> Result<(AcceptedSession, Vec<u8>), RatchetError> {
    let entropy = Seeded::new(0xB0B);
    let step = now(accept(&party.identity, prekeys, message, b"", policy, &entropy)).unwrap()?;
    let (accepted, text) = step.into_parts();
    Ok((accepted, text.to_vec()))
}

/// Encrypts and stores the state.
pub fn send(session: &mut RatchetSession, text: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
    let (next, message) = session.encrypt(text, b"", entropy).unwrap().into_parts();
    *session = next;
    message
}

/// Decrypts and stores the state.
pub fn read(session: &mut RatchetSession, message: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, RatchetError> {
    let (next, text) = session.decrypt(message, b"", entropy).map(Step::into_parts)?;
    *session = next;
    Ok(text.to_vec())
}

/// Alice and Bob, with a session that both have used.
pub fn pair(options: HandshakeOptions, seed: u64) -> (RatchetSession, RatchetSession) {
    let (alice, bob) = (identity(seed), party(seed + 1, 1));
    let entropy = Seeded::new(seed + 2);
    let mut ours = begin(&alice, &bob.published.bundles[0], options, seed + 3);
    let first = send(&mut ours, b"first", &entropy);
    let (accepted, text) = take(&bob, &bob.prekeys, &first, ANY).unwrap();
    assert_eq!(text, b"first");
    let mut theirs = accepted.session;
    let answer = send(&mut theirs, b"answer", &entropy);
    assert_eq!(read(&mut ours, &answer, &entropy).unwrap(), b"answer");
    (ours, theirs)
}
