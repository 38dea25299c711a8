//! A PIN, passphrase or secret, as the daemon receives it.

use briefcase_types::{Digest, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// Text that the daemon receives and never returns.
///
/// The bodies that contain such text are generic over its type: clients use `String`, the daemon uses this type. It
/// serializes as a digest, so that the canonical form of a change identifies the secret without containing it.
///
/// ```compile_fail,E0277
/// fn print(pin: &briefcase_api::Confidential) -> String { format!("{pin:?}") }
/// ```
/// ```compile_fail,E0277
/// fn copy(pin: &briefcase_api::Confidential) -> briefcase_api::Confidential {
///     briefcase_api::Confidential::clone(pin)
/// }
/// ```
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Confidential(SecretString);

impl Confidential {
    /// Returns the secret.
    #[must_use]
    pub fn into_secret(self) -> SecretString {
        self.0
    }
}

impl Serialize for Confidential {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        self.0.expose(|text| Digest::labelled("briefcase/confidential/1", &[text.as_bytes()])).serialize(sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Apply, Change, Evidence};

    #[test]
    fn the_serialized_change_identifies_the_secret_and_does_not_contain_it() {
        let sent = |value: &str| {
            let change = Change::SetSecret { name: "token".parse().unwrap(), value: value.to_owned() };
            let digest = Digest::sha256(b"shown");
            serde_json::to_string(&Apply { change, digest, evidence: Evidence::Pin("271828".to_owned()) }).unwrap()
        };
        let received = |body: &str| {
            let apply: Apply<Confidential> = serde_json::from_str(body).unwrap();
            let Evidence::Pin(pin) = apply.evidence else { panic!("no PIN") };
            assert!(pin.into_secret().expose(|pin| pin == "271828"));
            serde_json::to_string(&apply.change).unwrap()
        };
        let quoted = "a \"quoted\" \\ canary";
        let written = received(&sent(quoted));
        assert!(!written.contains("canary"), "{written}");
        assert_eq!(written, received(&sent(quoted)));
        assert_ne!(written, received(&sent("another canary")));
    }
}
