//! Proofs of presence, by a person and by an attacker.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod authenticator;
mod passkeys;
mod pins;

use std::sync::atomic::{AtomicU64, Ordering};

use briefcase_types::{Digest, Entropy, SecretString, UnixMillis};

/// Bytes that differ from each other. No test needs them to be unpredictable.
pub struct Counted(AtomicU64);

impl Counted {
    pub const fn start() -> Self {
        Self(AtomicU64::new(1))
    }
}

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let digest = Digest::sha256(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&digest.as_bytes()[..chunk.len()]);
        }
    }
}

pub const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

pub fn later(seconds: u64) -> UnixMillis {
    NOW.plus(std::time::Duration::from_secs(seconds))
}

pub fn decision(of: &str) -> Digest {
    Digest::labelled("test/decision", &[of.as_bytes()])
}

pub fn text(text: &str) -> SecretString {
    SecretString::new(text.to_owned())
}
