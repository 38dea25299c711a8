//! The audit log: entries linked by hashes, with a signed head.
//!
//! `link = SHA-256(0x00 ‖ previous link ‖ entry)`. The link before the first entry is 32 zero bytes. Each entry also
//! contains the link before it, so a single entry states its place. A head contains the number of entries and the last
//! link. No signed head matches a log with changed, dropped, reordered or cut entries.
//!
//! A head cannot reveal that an old head was restored together with its log. Keep a newer head elsewhere to detect
//! that.

use std::collections::BTreeMap;

use briefcase_types::Digest;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::{
    CodecError, RawPublicKey,
    codec::{self, Codec, DocumentMembers, members, text},
    json_subset::{Object, Value},
};

const HEAD: &str = "briefcase-audit-head-1";

/// The link before the first entry.
pub const START: Digest = Digest::from_bytes([0; 32]);

/// A log is invalid. The error names the fault and the entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// An entry is malformed.
    #[error("entry {0}: {1}")]
    Entry(u64, CodecError),
    /// The head is malformed.
    #[error("the head: {0}")]
    Head(CodecError),
    /// An entry's number is not its place, or its time is before the previous entry's.
    #[error("entry {0} is out of order")]
    Order(u64),
    /// An entry contains another link than the previous entry's.
    #[error("entry {0} does not follow the one before it")]
    Link(u64),
    /// The entries do not end at the head's count and link.
    #[error("the entries do not match the signed head")]
    End,
    /// The head's signature is invalid, or its key id belongs to another key.
    #[error("the head is not signed by this key")]
    Signature,
}

/// The result of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperationOutcome {
    /// The operation succeeded.
    Done,
    /// The rules did not allow the operation.
    Refused,
    /// The operation was allowed and failed.
    Failed,
}

impl OperationOutcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Done, Self::Refused, Self::Failed].into_iter().find(|outcome| outcome.name() == name)
    }
}

/// A detail. It is never an object, so entries stay flat and small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditDetail {
    /// A boolean.
    Flag(bool),
    /// A natural number below 2⁵³.
    Number(u64),
    /// A string of at most 1,024 bytes.
    Text(String),
}

/// The record of one operation, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The place in the log, from 0.
    pub seq: u64,
    /// The time in milliseconds since 1970. It never decreases.
    pub time: u64,
    /// The link before this entry.
    pub previous: Digest,
    /// The method called.
    pub method: String,
    /// The key concerned.
    pub kid: Option<String>,
    /// The result.
    pub outcome: OperationOutcome,
    /// Further details.
    pub detail: BTreeMap<String, AuditDetail>,
}

impl AuditEntry {
    /// Reads an entry before it is logged.
    ///
    /// # Errors
    /// [`CodecError`] when a member is missing, unknown or beyond its limit.
    pub fn draft(json: &[u8]) -> Result<Self, CodecError> {
        Codec::draft(json)
    }

    /// Reads an entry of a log.
    ///
    /// # Errors
    /// As [`AuditEntry::draft`], and when the bytes are not canonical.
    pub fn read(bytes: &[u8]) -> Result<Self, CodecError> {
        Codec::read(bytes)
    }

    /// The bytes that are stored and linked.
    ///
    /// # Errors
    /// [`CodecError`] when the encoding is too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        self.write()
    }
}

impl Codec for AuditEntry {
    const NAME: &'static str = "audit entry";

    fn take(members: &mut DocumentMembers) -> Result<Self, CodecError> {
        let mut detail = BTreeMap::new();
        for (name, value) in members.object("detail")?.into_members() {
            let value = match value {
                Value::Flag(flag) => AuditDetail::Flag(flag),
                Value::Text(text) => AuditDetail::Text(text),
                Value::Number(number) => AuditDetail::Number(number),
                Value::Object(_) => return Err(CodecError::Missing("detail")),
            };
            detail.insert(name, value);
        }
        Ok(Self {
            seq: members.number("seq")?,
            time: members.number("time")?,
            previous: members.digest("previous")?,
            method: members.text("method")?,
            kid: members.optional("kid")?,
            outcome: OperationOutcome::from_name(&members.text("outcome")?).ok_or(CodecError::Missing("outcome"))?,
            detail,
        })
    }

    fn give(&self) -> Object {
        let mut detail = Object::default();
        for (name, value) in &self.detail {
            let value = match value {
                AuditDetail::Flag(flag) => Value::Flag(*flag),
                AuditDetail::Number(number) => Value::Number(*number),
                AuditDetail::Text(words) => text(words),
            };
            let _put = detail.put(name, value);
        }
        let mut given = members([
            ("seq", Value::Number(self.seq)),
            ("time", Value::Number(self.time)),
            ("previous", text(&self.previous.to_string())),
            ("method", text(&self.method)),
            ("outcome", text(self.outcome.name())),
            ("detail", Value::Object(detail)),
        ]);
        if let Some(kid) = &self.kid {
            let _put = given.put("kid", text(kid));
        }
        given
    }

    fn check(&self) -> Result<(), CodecError> {
        let name = |text: &String| codec::is_name(text);
        let small = |detail: &AuditDetail| match detail {
            AuditDetail::Flag(_) => true,
            AuditDetail::Number(number) => *number < 1 << 53,
            AuditDetail::Text(text) => text.len() <= 1024,
        };
        if !name(&self.method) || !self.kid.iter().all(name) {
            return Err(CodecError::Limit("a name must have 1 to 64 letters, digits, '.', '_' or '-'"));
        }
        if self.detail.len() > 16 || !self.detail.iter().all(|(key, detail)| name(key) && small(detail)) {
            return Err(CodecError::Limit("detail must have at most 16 members, with texts of at most 1024 bytes"));
        }
        Ok(())
    }
}

/// `SHA-256(0x00 ‖ previous ‖ entry)`.
#[must_use]
pub fn link(previous: &Digest, entry: &[u8]) -> Digest {
    let hash = Sha256::new().chain_update([0]).chain_update(previous.as_bytes()).chain_update(entry);
    Digest::from_bytes(hash.finalize().into())
}

/// The signed content of the audit key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// The number of entries.
    pub count: u64,
    /// The origin of the page that embeds the enclave. Each origin has its own keys and log.
    pub host: String,
    /// The audit key's thumbprint.
    pub kid: String,
    /// The last link; [`START`] for an empty log.
    pub link: Digest,
}

impl AuditHead {
    /// Makes a head.
    ///
    /// # Errors
    /// [`CodecError::Limit`].
    pub fn new(kid: String, host: String, count: u64, link: Digest) -> Result<Self, CodecError> {
        let head = Self { count, host, kid, link };
        head.check()?;
        Ok(head)
    }

    /// Reads a signed head.
    ///
    /// # Errors
    /// [`CodecError`].
    pub fn read(bytes: &[u8]) -> Result<Self, CodecError> {
        Codec::read(bytes)
    }

    /// The bytes to sign.
    ///
    /// # Errors
    /// Never for a head made by [`AuditHead::new`] or [`AuditHead::read`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        self.write()
    }
}

impl Codec for AuditHead {
    const NAME: &'static str = "head of the audit log";

    fn take(members: &mut DocumentMembers) -> Result<Self, CodecError> {
        if members.text("form")? != HEAD {
            return Err(CodecError::Missing("form"));
        }
        Ok(Self {
            count: members.number("count")?,
            host: members.text("host")?,
            kid: members.text("kid")?,
            link: members.digest("link")?,
        })
    }

    fn give(&self) -> Object {
        members([
            ("form", text(HEAD)),
            ("count", Value::Number(self.count)),
            ("host", text(&self.host)),
            ("kid", text(&self.kid)),
            ("link", text(&self.link.to_string())),
        ])
    }

    fn check(&self) -> Result<(), CodecError> {
        if self.count >= 1 << 53 || (self.count == 0) != (self.link == START) {
            return Err(CodecError::Limit("count and link do not match"));
        }
        if !codec::is_name(&self.kid) || !codec::is_origin(&self.host) {
            return Err(CodecError::Limit("kid must be a thumbprint and host an origin"));
        }
        Ok(())
    }
}

/// Verifies the entries from some place in the log to its end: their format, order and links. The key must have signed
/// the head of exactly this end. `previous` is the link before the first given entry, [`START`] for the whole log.
///
/// # Errors
/// [`AuditError`] with the place of the fault.
pub fn verify<'a>(
    key: &[u8; 32],
    head: &[u8],
    signature: &[u8; 64],
    previous: Digest,
    entries: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<AuditHead, AuditError> {
    let signer = VerifyingKey::from_bytes(key).map_err(|_| AuditError::Signature)?;
    signer.verify_strict(head, &Signature::from_bytes(signature)).map_err(|_| AuditError::Signature)?;
    let signed = AuditHead::read(head).map_err(AuditError::Head)?;
    if signed.kid != RawPublicKey::Ed25519(*key).thumbprint() {
        return Err(AuditError::Signature);
    }
    let given = u64::try_from(entries.len()).map_err(|_| AuditError::End)?;
    let first = signed.count.checked_sub(given).ok_or(AuditError::End)?;
    if first == 0 && previous != START {
        return Err(AuditError::Link(0));
    }
    let (mut last, mut time) = (previous, 0);
    for (seq, bytes) in (first..signed.count).zip(entries) {
        let entry = AuditEntry::read(bytes).map_err(|error| AuditError::Entry(seq, error))?;
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
