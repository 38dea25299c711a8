//! Handles: 128 random bits that name something of one agent and are useless to any other.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_types::Entropy;

/// Makes a random handle. Text form: 22 characters of unpadded base64url.
pub(crate) fn random(entropy: &dyn Entropy) -> Box<str> {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes).into()
}
