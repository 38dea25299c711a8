//! The vault in the hands of its owner and of an attacker.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may stop")]

mod backups;
mod golden;
mod keyrings;
mod private_file;
mod records;
mod slots;
mod tampering;
mod unlock_keys;

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use briefcase_types::{Digest, Entropy, SecretBytes, SecretString};
use briefcase_vault::{KdfCost, NewSlot, UnlockKey, Unlocked, Vault};

/// A generator that repeats its bytes for the same seed, and never within a run.
pub struct Seeded {
    seed: u64,
    drawn: AtomicU64,
}

pub const fn seeded(seed: u64) -> Seeded {
    Seeded { seed, drawn: AtomicU64::new(0) }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
            let block = Digest::labelled("test/entropy", &[&self.seed.to_be_bytes(), &drawn.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

pub const PASSPHRASE: &str = "correct horse battery";

pub fn text(text: &str) -> SecretString {
    SecretString::new(text.to_owned())
}

pub fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

pub fn shown(secret: &SecretBytes) -> Vec<u8> {
    secret.expose(<[u8]>::to_vec)
}

/// A vault in a folder of its own, with a passphrase slot and an unlock-key slot.
pub struct Fixture {
    pub folder: tempfile::TempDir,
    pub path: PathBuf,
    pub vault: Vault,
    pub keys: Unlocked,
    pub unlock_key: UnlockKey,
    pub entropy: Seeded,
}

pub fn passphrase_slot(passphrase: &SecretString) -> NewSlot<'_> {
    NewSlot::Passphrase { passphrase, cost: KdfCost::FLOOR }
}

pub fn fixture(seed: u64) -> Fixture {
    let entropy = seeded(seed);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.json");
    let passphrase = text(PASSPHRASE);
    let (mut vault, keys) = Vault::create(&path, passphrase_slot(&passphrase), "main", &entropy).unwrap();
    let unlock_key = UnlockKey::generate(&entropy);
    vault.add_slot(&keys, NewSlot::UnlockKey(&unlock_key), "paper", &entropy).unwrap();
    Fixture { folder, path, vault, keys, unlock_key, entropy }
}
