//! The audit log: entries linked by hashes, their head signed.
//!
//! `link = SHA-256(0x00 ‖ previous link ‖ entry)`, the link before the first entry is 32 zero bytes, and each entry also
//! names the link before it, so that an entry alone says where it belongs. A head says how many entries there are and
//! which link is the last; cutting the end off, changing, dropping or reordering entries leaves no signed head that fits.
//! What a head cannot show is that an older one was put back together with its log: whoever keeps a newer head can.

use std::collections::BTreeMap;

use briefcase_types::Digest;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{FormError, PublicKey, form};

const ENTRY: &str = "audit entry";
const HEAD: &str = "briefcase-audit-head-1";

/// The largest number that JSON readers agree on.
const SAFE: u64 = (1 << 53) - 1;

/// The link before the first entry.
pub const START: Digest = Digest::from_bytes([0; 32]);

/// A log that does not hold together: what is wrong, and at which entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// An entry is not of the form.
    #[error("entry {0}: {1}")]
    Entry(u64, FormError),
    /// The head is not of the form.
    #[error("the head: {0}")]
    Head(FormError),
    /// An entry has another number than its place, or its time goes back.
    #[error("entry {0} is out of order")]
    Order(u64),
    /// An entry names another link than that of the one before.
    #[error("entry {0} does not follow the one before it")]
    Link(u64),
    /// The entries end elsewhere than the head says.
    #[error("the entries do not end where the signed head says")]
    End,
    /// The head's signature does not fit, or its kid is not the key's.
    #[error("the head is not signed by this key")]
    Signature,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// It was done.
    Done,
    /// The rules did not allow it.
    Refused,
    /// It was allowed and went wrong.
    Failed,
}

/// A detail: never an object, so that entries stay flat and small.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Detail {
    /// A yes or no.
    Flag(bool),
    /// A natural number below 2⁵³.
    Number(u64),
    /// A text of at most 1,024 bytes.
    Text(String),
}

/// One operation. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Place in the log, from 0.
    pub seq: u64,
    /// Milliseconds since 1970; never goes back.
    pub time: u64,
    /// The link before this entry.
    pub previous: Digest,
    /// The method that was called.
    pub method: String,
    /// The key it was about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kid: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What else there is to say.
    pub detail: BTreeMap<String, Detail>,
}

impl Entry {
    /// Reads an entry from whoever puts it together.
    ///
    /// # Errors
    /// [`FormError`] when a member is missing, unknown or beyond its limit.
    pub fn draft(json: &[u8]) -> Result<Self, FormError> {
        form::draft::<Self>(json, ENTRY)?.within_limits()
    }

    /// Reads an entry of a log.
    ///
    /// # Errors
    /// As [`Entry::draft`], and when the bytes are not canonical.
    pub fn read(bytes: &[u8]) -> Result<Self, FormError> {
        form::read::<Self>(bytes, ENTRY)?.within_limits()
    }

    /// The bytes that are kept and linked.
    ///
    /// # Errors
    /// [`FormError`] when it is too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FormError> {
        form::write(self, ENTRY)
    }

    fn within_limits(self) -> Result<Self, FormError> {
        let name = |text: &String| form::is_name(text);
        let small = |detail: &Detail| match detail {
            Detail::Flag(_) => true,
            Detail::Number(number) => *number <= SAFE,
            Detail::Text(text) => text.len() <= 1024,
        };
        if self.seq > SAFE || self.time > SAFE {
            return Err(FormError::Member("a number is too large to be read the same everywhere"));
        }
        if !name(&self.method) || !self.kid.iter().all(name) {
            return Err(FormError::Member("a name is letters, digits, '.', '_', '-'; at most 64"));
        }
        if self.detail.len() > 16 || !self.detail.iter().all(|(key, detail)| name(key) && small(detail)) {
            return Err(FormError::Member("detail has at most 16 members; texts at most 1024 bytes"));
        }
        Ok(self)
    }
}

/// `SHA-256(0x00 ‖ previous ‖ entry)`.
#[must_use]
pub fn link(previous: &Digest, entry: &[u8]) -> Digest {
    let hash = Sha256::new().chain_update([0]).chain_update(previous.as_bytes()).chain_update(entry);
    Digest::from_bytes(hash.finalize().into())
}

/// What the audit key signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    form: String,
    /// How many entries there are.
    pub count: u64,
    /// The origin of the page that embeds the enclave: each has keys and a log of its own.
    pub host: String,
    /// Thumbprint of the audit key.
    pub kid: String,
    /// The last link; [`START`] while there is none.
    pub link: Digest,
}

impl Head {
    /// Puts a head together.
    ///
    /// # Errors
    /// [`FormError::Member`].
    pub fn new(kid: String, host: String, count: u64, link: Digest) -> Result<Self, FormError> {
        Self { form: HEAD.to_owned(), count, host, kid, link }.within_limits()
    }

    /// Reads a head as it was signed.
    ///
    /// # Errors
    /// [`FormError`].
    pub fn read(bytes: &[u8]) -> Result<Self, FormError> {
        form::read::<Self>(bytes, HEAD)?.within_limits()
    }

    /// The bytes to sign.
    ///
    /// # Errors
    /// None for a head that was put together or read.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FormError> {
        form::write(self, HEAD)
    }

    fn within_limits(self) -> Result<Self, FormError> {
        if self.form != HEAD {
            return Err(FormError::Member("this is not the head of an audit log"));
        }
        if self.count > SAFE || (self.count == 0) != (self.link == START) {
            return Err(FormError::Member("the count and the link do not fit"));
        }
        if !form::is_name(&self.kid) || !form::is_origin(&self.host) {
            return Err(FormError::Member("kid is a thumbprint and host an origin"));
        }
        Ok(self)
    }
}

/// Checks entries from somewhere in the log to its end: their form, order and links, and that the head of exactly this
/// end is signed by the key. `previous` is the link before the first of them, [`START`] for the whole log.
///
/// # Errors
/// [`AuditError`] with the place.
pub fn verify<'a>(
    key: &[u8; 32],
    head: &[u8],
    signature: &[u8; 64],
    previous: Digest,
    entries: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<Head, AuditError> {
    let signer = VerifyingKey::from_bytes(key).map_err(|_| AuditError::Signature)?;
    signer.verify_strict(head, &Signature::from_bytes(signature)).map_err(|_| AuditError::Signature)?;
    let signed = Head::read(head).map_err(AuditError::Head)?;
    if signed.kid != PublicKey::Ed25519(*key).thumbprint() {
        return Err(AuditError::Signature);
    }
    let given = u64::try_from(entries.len()).map_err(|_| AuditError::End)?;
    let first = signed.count.checked_sub(given).ok_or(AuditError::End)?;
    if first == 0 && previous != START {
        return Err(AuditError::Link(0));
    }
    let (mut last, mut time) = (previous, 0);
    for (seq, bytes) in (first..signed.count).zip(entries) {
        let entry = Entry::read(bytes).map_err(|error| AuditError::Entry(seq, error))?;
        if entry.seq != seq || entry.time < time {
            return Err(AuditError::Order(seq));
        }
        if entry.previous != last {
            return Err(AuditError::Link(seq));
        }
        time = entry.time;
        last = link(&last, bytes);
    }
    if last == signed.link { Ok(signed) } else { Err(AuditError::End) }
}
