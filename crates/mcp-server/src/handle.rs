//! Names that stand for something the agent holds: 128 random bits, worth nothing to anybody else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_types::Entropy;

/// Draws a handle. Text form: 22 characters of unpadded base64url.
pub(crate) fn draw(entropy: &dyn Entropy) -> Box<str> {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes).into()
}
