//! A PIN, passphrase or secret: the text as the daemon receives it, and its digest.

use briefcase_types::{Digest, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// The digest that stands for a confidential text where the text is not needed: in a preview, and in what a proof covers.
///
/// `Digest::labelled("briefcase/confidential/1", text)`, as base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfidentialDigest(Digest);

impl ConfidentialDigest {
    /// The digest of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Digest::labelled("briefcase/confidential/1", &[text.as_bytes()]))
    }

    /// The digest itself.
    #[must_use]
    pub const fn digest(self) -> Digest {
        self.0
    }
}

/// Text that came in and never goes out again.
///
/// The bodies that hold such text are generic over its type. A client takes `String`; the daemon takes this, and writes
/// only the text's [`ConfidentialDigest`]. So the canonical form of a change is the same with the text and with its digest.
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
    /// Gives a function the text.
    pub fn expose<T>(&self, use_it: impl FnOnce(&str) -> T) -> T {
        self.0.expose(use_it)
    }

    /// The secret itself.
    #[must_use]
    pub fn into_secret(self) -> SecretString {
        self.0
    }
}

impl Serialize for Confidential {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        self.0.expose(ConfidentialDigest::of).serialize(sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Apply, Change, Evidence};

    #[test]
    fn a_change_has_one_canonical_form_with_the_text_and_with_its_digest() {
        let text = || "a \"quoted\" \\ canary".to_owned();
        let name = "token".parse().unwrap();
        for change in [
            Change::SetSecret { name, value: text() },
            Change::SetPin { pin: text() },
            Change::SetPassphrase { passphrase: text() },
            Change::RemoveFactor { id: "pin".to_owned() },
        ] {
            let previewed = serde_json::to_string(&change.without_secrets()).unwrap();
            assert!(!previewed.contains("canary"), "{previewed}");
            let sent = serde_json::to_string(&change).unwrap();
            let received: Change<Confidential> = serde_json::from_str(&sent).unwrap();
            assert_eq!(serde_json::to_string(&received).unwrap(), previewed);
            let read: Change<ConfidentialDigest> = serde_json::from_str(&previewed).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), previewed);
        }
    }

    #[test]
    fn a_text_is_no_digest() {
        let body = r#"{"change":"set_secret","name":"token","value":"ghp_canary"}"#;
        assert!(serde_json::from_str::<Change<ConfidentialDigest>>(body).is_err());
    }

    #[test]
    fn what_the_daemon_writes_of_a_change_tells_changes_apart_and_holds_no_secret() {
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
