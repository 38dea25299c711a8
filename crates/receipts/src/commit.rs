//! Commitments: a receipt proves a value without showing it.
//!
//! Each top-level argument has its own salt, derived from the vault's commitment key. The owner can later show one
//! argument, and nobody can guess the others, however short they are. The receipt contains one digest for all of them.
//!
//! Invariant: a receipt's root opens for one field only to the committed value. Somebody who sees an [`Opening`] also
//! learns the number of fields, and can test whether a guessed field *name* was among them.

use std::collections::BTreeMap;

use briefcase_json::{JsonLimits, canonical, parse_strict};
use briefcase_types::{CallId, Digest};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

const SALT: &str = "briefcase/commit/salt/1";
const FIELD: &str = "briefcase/commit/field/1";
const NAME: &str = "briefcase/commit/name/1";
const ROOT: &str = "briefcase/commit/root/1";
const RESULT: &str = "briefcase/commit/result/1";

/// The maximum number of fields of an opening. A call's arguments have at most as many members.
const FIELDS_MAX: usize = JsonLimits::AGENT.keys;

/// The vault's key that derives every salt. Without it, no commitment can be opened.
pub struct CommitmentKey(Zeroizing<[u8; 32]>);

/// The commitments to the arguments of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitments(BTreeMap<Digest, Digest>);

/// An opening: anyone can check one argument of one call with it, and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The call.
    pub call: CallId,
    /// The argument's name. Empty when the arguments were not an object.
    pub name: String,
    /// The argument's value.
    pub value: Value,
    /// The value's salt.
    pub salt: Digest,
    /// The digest of the name, and the commitment, of every other argument.
    pub others: Vec<(Digest, Digest)>,
}

/// An opening of the result of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultOpening {
    /// The call.
    pub call: CallId,
    /// The result's salt.
    pub salt: Digest,
}

/// An opening does not prove its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// The bytes are not the JSON of an opening.
    #[error("this is not an opening of a commitment")]
    Malformed,
    /// The receipt committed to another value.
    #[error("the receipt does not commit to this value")]
    Mismatch,
}

impl CommitmentKey {
    /// Takes the key: 32 bytes that only the vault can derive, for this use only.
    #[must_use]
    pub const fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// Commits to each top-level argument. Arguments that are not an object count as one field with an empty name.
    #[must_use]
    pub fn arguments(&self, call: &CallId, arguments: &Value) -> Commitments {
        let commit = |name: &str, value: &Value| {
            (name_tag(call, name), commitment(&self.salt(FIELD, call, name), name, &canonical(value)))
        };
        Commitments(match arguments {
            Value::Object(members) => members.iter().map(|(name, value)| commit(name, value)).collect(),
            other => std::iter::once(commit("", other)).collect(),
        })
    }

    /// Commits to the bytes of a result.
    #[must_use]
    pub fn result(&self, call: &CallId, bytes: &[u8]) -> Digest {
        self.open_result(call).commitment(bytes)
    }

    /// Opens one argument. Returns `None` for an absent argument.
    #[must_use]
    pub fn open(&self, call: &CallId, arguments: &Value, name: &str) -> Option<Opening> {
        let value = match arguments {
            Value::Object(members) => members.get(name)?,
            other => name.is_empty().then_some(other)?,
        };
        let mut all = self.arguments(call, arguments).0;
        all.remove(&name_tag(call, name));
        Some(Opening {
            call: *call,
            name: name.to_owned(),
            value: value.clone(),
            salt: self.salt(FIELD, call, name),
            others: all.into_iter().collect(),
        })
    }

    /// Opens a result.
    #[must_use]
    pub fn open_result(&self, call: &CallId) -> ResultOpening {
        ResultOpening { call: *call, salt: self.salt(RESULT, call, "") }
    }

    fn salt(&self, purpose: &str, call: &CallId, name: &str) -> Digest {
        keyed(&self.0, SALT, &[purpose.as_bytes(), call.as_bytes(), name.as_bytes()])
    }
}

impl Commitments {
    /// The digest that a receipt contains.
    #[must_use]
    pub fn root(&self) -> Digest {
        let parts: Vec<&[u8]> =
            self.0.iter().flat_map(|(name, value)| [&name.as_bytes()[..], &value.as_bytes()[..]]).collect();
        Digest::labelled(ROOT, &parts)
    }
}

impl Opening {
    /// Reads an untrusted opening.
    ///
    /// # Errors
    /// [`OpeningError::Malformed`] when the bytes are not the JSON of an opening.
    pub fn parse(bytes: &[u8]) -> Result<Self, OpeningError> {
        let value = parse_strict(bytes, &JsonLimits::AGENT).map_err(|_| OpeningError::Malformed)?;
        serde_json::from_value(value).map_err(|_| OpeningError::Malformed)
    }

    /// Verifies that the receipt with this root committed to exactly this name and value for this call.
    ///
    /// # Errors
    /// [`OpeningError::Mismatch`] when it did not, or when the list of the others repeats a field.
    pub fn verify(&self, root: &Digest) -> Result<(), OpeningError> {
        if self.others.len() > FIELDS_MAX {
            return Err(OpeningError::Mismatch);
        }
        let own = (name_tag(&self.call, &self.name), commitment(&self.salt, &self.name, &canonical(&self.value)));
        let all: BTreeMap<Digest, Digest> = self.others.iter().copied().chain(std::iter::once(own)).collect();
        // The map merges a repeated name, so two values for one name cannot both match the root.
        if Commitments(all).root() == *root { Ok(()) } else { Err(OpeningError::Mismatch) }
    }
}

impl ResultOpening {
    /// Verifies that the outcome with this commitment released exactly these bytes.
    ///
    /// # Errors
    /// [`OpeningError::Mismatch`] when it did not.
    pub fn verify(&self, bytes: &[u8], committed: &Digest) -> Result<(), OpeningError> {
        if self.commitment(bytes) == *committed { Ok(()) } else { Err(OpeningError::Mismatch) }
    }

    fn commitment(&self, bytes: &[u8]) -> Digest {
        keyed(self.salt.as_bytes(), RESULT, &[bytes])
    }
}

/// Returns the tag of a field's name. It differs from call to call, so that equal names in two receipts do not look
/// equal.
fn name_tag(call: &CallId, name: &str) -> Digest {
    Digest::labelled(NAME, &[call.as_bytes(), name.as_bytes()])
}

fn commitment(salt: &Digest, name: &str, value: &[u8]) -> Digest {
    keyed(salt.as_bytes(), FIELD, &[name.as_bytes(), value])
}

/// `HMAC-SHA256(key, label || 0x00 || part...)`, each part preceded by its length as 8 big-endian bytes.
fn keyed(key: &[u8; 32], label: &str, parts: &[&[u8]]) -> Digest {
    // HMAC pads a short key with zeros to the block length (RFC 2104). Padding it here leaves no fallible step.
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(label.as_bytes());
    mac.update(&[0]);
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part);
    }
    Digest::from_bytes(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key() -> CommitmentKey {
        CommitmentKey::new(Zeroizing::new([7; 32]))
    }

    fn call(text: &str) -> CallId {
        text.parse().unwrap()
    }

    const CALL: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    const OTHER: &str = "AQAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn one_field_opens_and_the_others_stay_hidden() {
        let arguments = json!({"to": "alice@example.com", "amount": 12, "note": {"b": 1, "a": [true, null]}});
        let root = key().arguments(&call(CALL), &arguments).root();
        for name in ["to", "amount", "note"] {
            let opening = key().open(&call(CALL), &arguments, name).unwrap();
            let sent = serde_json::to_vec(&opening).unwrap();
            let received = Opening::parse(&sent).unwrap();
            assert_eq!(received.verify(&root), Ok(()));
            let text = String::from_utf8(sent).unwrap();
            assert_eq!(text.contains("alice"), name == "to");
            assert_eq!(text.contains("amount"), name == "amount");
        }
        assert_eq!(key().open(&call(CALL), &arguments, "absent"), None);
    }

    #[test]
    fn a_changed_opening_proves_nothing() {
        let arguments = json!({"to": "alice", "amount": 12});
        let root = key().arguments(&call(CALL), &arguments).root();
        let good = key().open(&call(CALL), &arguments, "amount").unwrap();
        // The true value for the same name, added beside a false one.
        let truth = (name_tag(&good.call, "amount"), commitment(&good.salt, "amount", b"12"));
        let both = good.others.iter().copied().chain([truth]).collect();
        let attempts = [
            Opening { value: json!(13), ..good.clone() },
            Opening { value: json!("12"), ..good.clone() },
            Opening { name: "to".into(), ..good.clone() },
            Opening { salt: Digest::sha256(b"x"), ..good.clone() },
            Opening { call: call(OTHER), ..good.clone() },
            Opening { others: Vec::new(), ..good.clone() },
            Opening { value: json!(13), others: both, ..good },
        ];
        for attempt in attempts {
            assert_eq!(attempt.verify(&root), Err(OpeningError::Mismatch), "{attempt:?}");
        }
    }

    #[test]
    fn equal_values_do_not_look_equal() {
        let arguments = json!({"a": 1, "b": 1});
        let commitments = key().arguments(&call(CALL), &arguments);
        let values: std::collections::BTreeSet<_> = commitments.0.values().collect();
        assert_eq!(values.len(), 2);
        let other = key().arguments(&call(OTHER), &arguments);
        for (name, value) in &commitments.0 {
            assert!(!other.0.contains_key(name), "names must not link two receipts");
            assert!(!other.0.values().any(|theirs| theirs == value), "values must not link two receipts");
        }
    }

    #[test]
    fn results_and_arguments_without_names_open_too() {
        let committed = key().result(&call(CALL), b"the answer");
        let opening = key().open_result(&call(CALL));
        assert_eq!(opening.verify(b"the answer", &committed), Ok(()));
        assert_eq!(opening.verify(b"the Answer", &committed), Err(OpeningError::Mismatch));
        let root = key().arguments(&call(CALL), &Value::Null).root();
        let opening = key().open(&call(CALL), &Value::Null, "").unwrap();
        assert_eq!(opening.verify(&root), Ok(()));
        assert_ne!(root, key().arguments(&call(CALL), &json!({})).root());
    }

    #[test]
    fn keyed_is_hmac_as_rfc_2104_defines_it() {
        let mut whole = b"label".to_vec();
        whole.extend([0, 0, 0, 0, 0, 0, 0, 0, 4]);
        whole.extend(b"part");
        let mut mac = Hmac::<Sha256>::new_from_slice(&[9; 32]).unwrap();
        mac.update(&whole);
        assert_eq!(keyed(&[9; 32], "label", &[b"part"]).as_bytes()[..], mac.finalize().into_bytes()[..]);
    }
}
