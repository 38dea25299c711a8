//! The body that opens a vault.

use briefcase_api::Unlock;
use briefcase_types::SecretString;
use bytes::Bytes;
use zeroize::Zeroize as _;

use crate::{ClientError, body};

/// How a generated unlock key begins.
const KEY_PREFIX: &str = "BRIEFCASE-";

/// A passphrase or unlock key in the contract's form. Wiped when dropped.
pub struct UnlockBody(Unlock);

impl UnlockBody {
    /// A typed text. A generated key has a form of its own; every other text is a passphrase.
    #[must_use]
    pub fn of(secret: &SecretString) -> Self {
        secret.expose(|text| {
            let text = text.trim();
            let prefix = text.get(..KEY_PREFIX.len()).unwrap_or_default();
            if prefix.eq_ignore_ascii_case(KEY_PREFIX) {
                Self(Unlock::UnlockKey(text.to_owned()))
            } else {
                Self(Unlock::Passphrase(text.to_owned()))
            }
        })
    }

    /// The body as the contract types it.
    #[must_use]
    pub const fn contract(&self) -> &Unlock {
        &self.0
    }

    /// The body as JSON, wiped when dropped: for the daemon's stdin.
    ///
    /// # Errors
    /// The text has no JSON form, which no text lacks.
    pub fn json(&self) -> Result<Bytes, ClientError> {
        body::json(&self.0)
    }
}

impl std::fmt::Debug for UnlockBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnlockBody(redacted)")
    }
}

impl Drop for UnlockBody {
    fn drop(&mut self) {
        match &mut self.0 {
            Unlock::Passphrase(text) | Unlock::UnlockKey(text) => text.zeroize(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_and_a_passphrase_are_recognized() {
        let body = |text: &str| UnlockBody::of(&SecretString::new(text.to_owned()));
        let key = body(" briefcase-ABCDEFG-ABCDEFG\n");
        assert!(matches!(key.contract(), Unlock::UnlockKey(key) if key.starts_with("briefcase-")));
        assert!(matches!(body("correct horse battery staple").contract(), Unlock::Passphrase(_)));
        assert!(matches!(body("ééééé").contract(), Unlock::Passphrase(_)));
        assert_eq!(format!("{:?}", body("a secret")), "UnlockBody(redacted)");
    }
}
