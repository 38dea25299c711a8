//! Tests of logs for writers, readers, witnesses and attackers.
#![expect(clippy::unwrap_used, clippy::panic, clippy::as_conversions, reason = "tests say what they expect")]

#[expect(clippy::indexing_slicing, reason = "sizes and indexes are those of the test's own tree")]
mod generated_cases;
mod merkle;
mod merkle_cases;
mod policy;
mod proof;
mod tiles;
mod witness;

use std::path::Path;

use briefcase_tlog::{
    Checkpoint, LogVerifierKey, PublicKey, SignedCheckpoint, Witness, merkle::Frontier, merkle::leaf_hash,
};
use briefcase_types::Digest;
use ed25519_dalek::{Signer as _, SigningKey};

fn vector(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/receipts").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(seed: u8) -> PublicKey {
    PublicKey::from_bytes(key(seed).verifying_key().as_bytes()).unwrap()
}

fn log_key() -> LogVerifierKey {
    LogVerifierKey { origin: "example.com/log".parse().unwrap(), key: public(1) }
}

fn witness(seed: u8) -> Witness {
    Witness::new(&format!("witness.example/{seed}"), public(seed)).unwrap()
}

/// Builds a log: the hashes to store, and the signed checkpoint.
fn log(entries: &[Vec<u8>]) -> (Vec<Digest>, SignedCheckpoint) {
    let mut frontier = Frontier::new();
    let stored = entries.iter().flat_map(|entry| frontier.append(leaf_hash(entry))).collect();
    (stored, head(frontier.size(), frontier.root()))
}

fn head(size: u64, root: Digest) -> SignedCheckpoint {
    let head = Checkpoint { origin: log_key().origin, size, root };
    head.sign(&public(1), |text| Some(key(1).sign(text).to_bytes())).unwrap()
}

fn cosigned(head: &SignedCheckpoint, seeds: &[(u8, u64)]) -> SignedCheckpoint {
    seeds.iter().fold(head.clone(), |head, (seed, time)| {
        let line = witness(*seed).cosign(&head, *time, |text| Some(key(*seed).sign(text).to_bytes())).unwrap();
        head.with_lines(&line).unwrap()
    })
}

fn entries(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| format!("entry {number}").into_bytes()).collect()
}
