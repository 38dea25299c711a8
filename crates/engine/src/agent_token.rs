//! Tokens of agents. The authority document holds only their digests.

use briefcase_types::{Digest, Entropy};

/// Makes a new token with 256 random bits.
#[must_use]
pub fn generate(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    format!("bca_{}", Digest::from_bytes(bytes))
}

/// The digest of a token, as the authority document stores it.
#[must_use]
pub fn digest(token: &str) -> Digest {
    Digest::labelled("briefcase/agent-token/1", &[token.as_bytes()])
}
